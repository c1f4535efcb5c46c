//! Shows the codecs without a connection: messages kept in a journal, in each framing, and read back as their type.
//! Run: `journal`; it ends by itself.

use bytes::BytesMut;
use mp_proto::codec::FrameScanner;
use mp_proto::{Frame, Framing, Limits, Message};

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    Opened { account: u64 },
    Paid(u64, f64, Option<String>),
}

/// One file for all ports: a frame begins with the name of the port that it is for.
const PORT: &str = "ledger";

fn main() -> anyhow::Result<()> {
    let entries =
        [Entry::Opened { account: 7 }, Entry::Paid(7, 12.5, Some("rent".into())), Entry::Paid(7, -3.0, None)];
    let most = Limits::default().max_message;
    for &framing in Framing::available() {
        let mut journal = BytesMut::new();
        for entry in &entries {
            Frame::write(framing, PORT, entry, None, most, &mut journal)?;
        }
        println!("{framing}: {} bytes", journal.len());

        // What a file gives comes in pieces; the scanner takes them as they are.
        let (mut scanner, mut input) = (FrameScanner::new(framing)?, BytesMut::new());
        let mut read = Vec::new();
        for piece in journal.chunks(5) {
            input.extend_from_slice(piece);
            while let Some(frame) = scanner.next(&mut input, most)? {
                anyhow::ensure!(frame.check()? == PORT);
                if framing == Framing::Json {
                    println!("  {}", frame.message()?);
                }
                read.push(frame.decode::<Entry>()?);
            }
        }
        anyhow::ensure!(read == entries, "all framings carry the same");
    }

    // Without a type: any message can be looked at as values.
    let message = Message::new(&entries[1])?;
    println!("{:?} {:?}", message.tag(), message.args().last());
    Ok(())
}
