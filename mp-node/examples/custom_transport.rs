//! Shows a transport of one's own: two nodes that talk over Unix sockets in a directory instead of TCP.
//! Run: `custom_transport`; it ends by itself.

#[cfg(not(unix))]
fn main() {
    println!("this system has no Unix sockets");
}

#[cfg(unix)]
use unix::run as main;

#[cfg(unix)]
mod unix {
    use std::io;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use async_trait::async_trait;
    use mp_node::{Addr, Listener, Node, NodeId, Pipe, Transport, Way};
    use tokio::net::{UnixListener, UnixStream};

    /// An address `name:number` is the socket `name-number` in a directory.
    #[derive(Debug)]
    struct Sockets(PathBuf);

    impl Sockets {
        fn path(&self, addr: &Addr) -> PathBuf {
            self.0.join(format!("{}-{}", addr.host(), addr.port()))
        }
    }

    #[async_trait]
    impl Transport for Sockets {
        async fn dial(&self, to: &Addr) -> io::Result<Pipe> {
            let stream = UnixStream::connect(self.path(to)).await?;
            Ok(Pipe::new(stream, Addr::new("dialler", 0).map_err(io::Error::other)?, to.clone()))
        }

        async fn listen(&self, at: &Addr) -> io::Result<Box<dyn Listener>> {
            let listener = UnixListener::bind(self.path(at))?;
            Ok(Box::new(Socket { listener, path: self.path(at), addr: at.clone() }))
        }
    }

    #[derive(Debug)]
    struct Socket {
        listener: UnixListener,
        path: PathBuf,
        addr: Addr,
    }

    #[async_trait]
    impl Listener for Socket {
        async fn accept(&mut self) -> io::Result<Pipe> {
            let (stream, _) = self.listener.accept().await?;
            Ok(Pipe::new(stream, self.addr.clone(), Addr::new("dialler", 0).map_err(io::Error::other)?))
        }

        fn local_addr(&self) -> Addr {
            self.addr.clone()
        }
    }

    impl Drop for Socket {
        fn drop(&mut self) {
            // What is gone already need not be removed.
            drop(std::fs::remove_file(&self.path));
        }
    }

    async fn node(name: &str, directory: &Path) -> anyhow::Result<Node> {
        let builder =
            Node::builder("eg_sockets").without_file().node_id(name).secret("only for this example");
        let node =
            builder.bind(&format!("{name}:1")).transport(Arc::new(Sockets(directory.into()))).start().await?;
        // Where to look for a node whose name is no address.
        node.set_resolver(Arc::new(|node: &NodeId| {
            let way = Addr::new(node.as_str(), 1).map(Way::Direct);
            Box::pin(async move { way.into_iter().collect() })
        }));
        Ok(node)
    }

    #[tokio::main]
    pub(super) async fn run() -> anyhow::Result<()> {
        let directory = tempfile::tempdir()?;
        let (north, south) = (node("north", directory.path()).await?, node("south", directory.path()).await?);
        let greeter = south.spawn(async |mut port| {
            if let Some(((name,), reply)) = port.recv_request::<(String,), String>().await {
                // It fails only if the node is no more.
                drop(port.node().send(reply, format!("hello, {name}")).await);
            }
        });
        let answer: String = north.call(&greeter, ("north",)).returning().await?;
        println!("{answer}; by way of {}", directory.path().join("south-1").exists());
        north.shutdown().await;
        south.shutdown().await;
        println!("sockets left: {}", std::fs::read_dir(directory.path())?.count());
        Ok(())
    }
}
