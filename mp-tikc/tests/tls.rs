//! Kernels that meet over TLS on sockets, and those who stand between them. The certificates are those of mp-transport's
//! tests.

#![expect(clippy::panic, clippy::unwrap_used, reason = "what a test does that fails")]
#![expect(clippy::disallowed_methods, reason = "tasks of a test end with its runtime")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use mp_proto::codec::storable::{ThawLimits, freeze, thaw};
use mp_proto::{TlsRole, Value};
use mp_tikc::exchange::ExchangeError;
use mp_tikc::frame::{FrameReader, write_frame};
use mp_tikc::{Addr, Client, Kernel, KernelEvent, KernelEvents, LinkError, Peer, Secret, Server};
use mp_transport::tls::{TlsConfig, upgrade};
use mp_transport::{Listener, Pipe, Tcp, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const STOCK: &str = include_str!("../../mp-transport/tests/pem/stock.pem");
const STOCK_OTHER: &str = include_str!("../../mp-transport/tests/pem/stock-other.pem");

fn kernel(cert: Option<&str>, secret: bool) -> Kernel {
    let builder = Kernel::builder();
    let builder = if secret { builder.secret(Secret::from_text("s3kr1t").unwrap()) } else { builder };
    let builder = match cert {
        Some(pem) => builder.cert(pem).unwrap(),
        None => builder,
    };
    builder.start().unwrap()
}

fn any() -> Addr {
    "127.0.0.1:0".parse().unwrap()
}

async fn listen(kernel: &Kernel) -> Server {
    kernel.serve().address(any()).start().await.unwrap()
}

/// What should come, within a time that is long for a machine and short for a person.
async fn soon<T>(future: impl IntoFuture<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future.into_future())
        .await
        .expect("it should have happened")
}

async fn up(events: &mut KernelEvents) -> Peer {
    loop {
        match soon(events.next()).await.unwrap() {
            KernelEvent::Up { peer, .. } => return peer,
            KernelEvent::Down { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}

async fn down(events: &mut KernelEvents) -> LinkError {
    loop {
        match soon(events.next()).await.unwrap() {
            KernelEvent::Down { error, .. } => return error,
            KernelEvent::Up { peer, .. } => panic!("{peer:?} was let in"),
            _ => {}
        }
    }
}

/// Posts and asks through the connection, and says what the peers took one another for.
async fn talk(server: &Kernel, client: &Kernel, to: &Addr) -> (bool, bool) {
    let (mut of_server, mut of_client) = (server.events(), client.events());
    let mut session = server.session("srv").unwrap();
    let joined: Client = client.connect(to.clone()).start().unwrap();
    assert!(soon(joined.connected()).await);
    soon(client.post("srv", "hello", ("the words",))).await.unwrap();
    let event = soon(session.recv()).await.unwrap();
    assert_eq!((event.name(), event.decode::<(String,)>().unwrap().0), ("hello", "the words".to_owned()));
    let of = |peer| matches!(peer, Peer::Own { proven: true, .. });
    (of(up(&mut of_server).await), of(up(&mut of_client).await))
}

/// [TK-55], [TK-56]: with a secret and without one.
#[tokio::test]
async fn two_with_certificates_speak_tls() {
    for secret in [true, false] {
        let (server, client) = (kernel(Some(STOCK), secret), kernel(Some(STOCK), secret));
        let listening = listen(&server).await;
        let relay = Relay::start(listening.address(), Harm::None).await;
        assert_eq!(talk(&server, &client, &relay.address).await, (true, true));
        let heard = relay.heard.lock().unwrap().clone();
        let has = |words: &[u8]| heard.windows(words.len()).any(|window| window == words);
        assert!(has(b"setup") && !has(b"the words") && !has(b"hello"), "only the hellos can be read");
    }
}

/// [TK-55]: TLS is an offer. Who has none proves the secret, as before, or is on this machine.
#[tokio::test]
async fn one_side_without_a_certificate() {
    for (certs, secrets, proven) in [
        ([Some(STOCK), None], [true, true], true),
        ([None, Some(STOCK)], [true, true], true),
        ([None, Some(STOCK)], [false, true], false),
    ] {
        let (server, client) = (kernel(certs[0], secrets[0]), kernel(certs[1], secrets[1]));
        let listening = listen(&server).await;
        assert_eq!(talk(&server, &client, listening.address()).await, (proven, proven));
    }
}

/// [TK-55]: a kernel of POE::TIKC never sees a word of it.
#[tokio::test]
async fn a_kernel_of_poe_is_served_as_ever() {
    let server = kernel(Some(STOCK), true);
    let mut session = server.session("srv").unwrap();
    let listening = listen(&server).await;
    let mut perl = Tcp::default().dial(listening.address()).await.unwrap();
    let post = |alias: &str| -> Value {
        let post = [("action", Value::from("post")), ("alias", alias.into()), ("event", "e".into())];
        Value::from(post.into_iter().collect::<mp_tikc::Map>())
    };
    let mut frame = BytesMut::new();
    write_frame(&freeze(&post("srv")).unwrap(), false, &mut frame);
    perl.write_all(&frame).await.unwrap();
    assert_eq!(soon(session.recv()).await.unwrap().name(), "e");
}

/// [TK-55]
#[tokio::test]
async fn a_certificate_that_is_not_trusted() {
    let (server, client) = (kernel(Some(STOCK), true), kernel(Some(STOCK_OTHER), true));
    let (mut of_server, mut of_client) = (server.events(), client.events());
    let listening = listen(&server).await;
    let _client = client.connect(listening.address().clone()).start().unwrap();
    let errors = [down(&mut of_server).await, down(&mut of_client).await];
    assert!(errors.iter().all(|error| matches!(error, LinkError::Tls(_) | LinkError::Io(_))), "{errors:?}");
    assert!(errors.iter().any(|error| matches!(error, LinkError::Tls(_))), "{errors:?}");
}

/// [TK-56]: who takes TLS out of the hellos, or has a certificate that both trust, but not the secret.
#[tokio::test]
async fn nobody_can_stand_between() {
    for harm in [Harm::Strip, Harm::Terminate] {
        let (server, client) = (kernel(Some(STOCK), true), kernel(Some(STOCK), true));
        let (mut of_server, mut of_client) = (server.events(), client.events());
        let listening = listen(&server).await;
        let relay = Relay::start(listening.address(), harm).await;
        let _client = client.connect(relay.address.clone()).start().unwrap();
        let errors = [down(&mut of_server).await, down(&mut of_client).await];
        let wrong = LinkError::Exchange(ExchangeError::WrongSecret);
        assert!(errors.contains(&wrong), "{harm:?}: {errors:?}");
    }
}

/// [TK-51]: a certificate is a proof, so that who has one may listen for other machines.
#[tokio::test]
async fn with_a_certificate_others_than_this_machine_may_come() {
    let server = kernel(Some(STOCK), false);
    let everywhere = "0.0.0.0:0".parse().unwrap();
    let listening = server.serve().address(everywhere).start().await.unwrap();
    assert_ne!(listening.address().port(), 0);
    assert!(Kernel::builder().cert("no PEM").is_err());
}

#[derive(Debug, Clone, Copy)]
enum Harm {
    /// It listens only.
    None,
    /// It takes TLS out of the hellos.
    Strip,
    /// It speaks TLS with both, with a certificate that they trust.
    Terminate,
}

struct Relay {
    address: Addr,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Relay {
    async fn start(to: &Addr, harm: Harm) -> Self {
        let mut listener: Box<dyn Listener> = Tcp::default().listen(&any()).await.unwrap();
        let (address, to) = (listener.local_addr(), to.clone());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ear = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok(near) = listener.accept().await {
                let far = Tcp::default().dial(&to).await.unwrap();
                drop(between(near, far, harm, &ear).await);
            }
        });
        Self { address, heard }
    }
}

async fn between(mut near: Pipe, mut far: Pipe, harm: Harm, ear: &Mutex<Vec<u8>>) -> anyhow::Result<()> {
    if !matches!(harm, Harm::None) {
        let strip = matches!(harm, Harm::Strip);
        let (of_near, of_far) = (hello(&mut near, strip).await?, hello(&mut far, strip).await?);
        far.write_all(&of_near).await?;
        near.write_all(&of_far).await?;
    }
    if matches!(harm, Harm::Terminate) {
        let cert = TlsConfig::from_pem(STOCK)?;
        let both = tokio::join!(upgrade(near, TlsRole::Server, &cert), upgrade(far, TlsRole::Client, &cert));
        (near, far) = (both.0?.pipe, both.1?.pipe);
    }
    let (mut near_read, mut near_write) = tokio::io::split(near);
    let (mut far_read, mut far_write) = tokio::io::split(far);
    let (mut there, mut back) = ([0; 4096], [0; 4096]);
    loop {
        let (len, forth) = tokio::select! {
            len = near_read.read(&mut there) => (len?, true),
            len = far_read.read(&mut back) => (len?, false),
        };
        let bytes = if forth { &there[..len] } else { &back[..len] };
        ear.lock().unwrap().extend_from_slice(bytes);
        let done = if forth { far_write.write_all(bytes).await } else { near_write.write_all(bytes).await };
        done?;
        if len == 0 {
            return Ok(());
        }
        if forth { far_write.flush().await? } else { near_write.flush().await? }
    }
}

/// The first frame, perhaps without a word of TLS.
async fn hello(pipe: &mut Pipe, strip: bool) -> anyhow::Result<BytesMut> {
    let (frames, mut input) = (FrameReader::new(1 << 20), BytesMut::new());
    let image = loop {
        if let Some(image) = frames.next(&mut input)? {
            break image;
        }
        anyhow::ensure!(pipe.read_buf(&mut input).await? > 0, "an end");
    };
    assert!(input.is_empty(), "who has a certificate waits for the peer's word");
    let Value::Map(mut map) = thaw(&image.bytes, &ThawLimits::default())? else { panic!("a hash") };
    let Some(Value::Map(mp)) = map.get("mp").cloned() else { panic!("a hello") };
    assert!(mp.get("tls").is_some());
    if strip {
        map.insert("mp", mp.into_iter().filter(|(key, _)| key.as_str() != "tls").collect::<mp_tikc::Map>());
    }
    let mut frame = BytesMut::new();
    write_frame(&freeze(&Value::Map(map))?, false, &mut frame);
    Ok(frame)
}
