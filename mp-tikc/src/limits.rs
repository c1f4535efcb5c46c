//! The bounds of a kernel.

use std::time::Duration;

/// Every bound of a kernel, in bytes, pieces and times. Start from [`TikcLimits::default`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TikcLimits {
    /// The longest frame, packed and unpacked. More ends the connection `[TK-03]`. Default 16 MiB.
    pub max_frame: usize,
    /// How many values one frame may have `[ST-26]`. More costs the frame or the connection, as other images do that are
    /// not taken. Default 1,000,000, which is some 50 MB in memory.
    pub max_values: usize,
    /// How long a peer may say nothing after a connection was made `[TK-53]`. Default 15 s.
    pub first_word: Duration,
    /// How long a peer of our own kind may be silent once it was let in, if it has such a bound, too: the shorter one counts
    /// `[TK-57]`. Who has nothing to say says so after a third of it. Up to a tenth more passes before the connection
    /// ends. Zero is no bound. Default 15 s.
    pub silence: Duration,
    /// Connections to a server whose peer has not said anything yet; the oldest gives way. Default 256.
    pub strangers: usize,
    /// Connections of one server in all; one more is closed at once. Default 1024.
    pub clients: usize,
    /// Aliases that one connection may announce. One more ends it `[TK-33]`. Default 10,000.
    pub aliases_per_link: usize,
    /// Aliases that are known in all; whose connection announces one more loses it `[TK-33]`. Default 100,000.
    pub aliases: usize,
    /// Aliases of this kernel's own sessions. Default 10,000.
    pub own_aliases: usize,
    /// Bytes of posts that may wait for one connection. Default 16 MiB.
    pub queue_bytes: usize,
    /// Bytes of announcements and answers that may wait for one connection beside the above; more ends it. Default
    /// 4 MiB.
    pub control_bytes: usize,
    /// Posts that wait for aliases whose kernel is not connected yet `[TK-40]`. Default 10,000.
    pub waiting_posts: usize,
    /// How long such a post waits. Default 30 s.
    pub waiting_time: Duration,
    /// Events that wait for one session. Default 10,000.
    pub mailbox: usize,
    /// Bytes of events that wait for one session; one event always finds room. Default 64 MiB.
    pub mailbox_bytes: usize,
    /// How long what came over a connection may wait for a full mailbox or queue, and hold up what is behind it
    /// `[TK-41]`. Default 10 s.
    pub patience: Duration,
    /// Calls that wait for an answer. Default 10,000.
    pub calls: usize,
    /// How long a kernel that passes a call on remembers where to send the answer. Default 60 s.
    pub call_time: Duration,
    /// Connections that a kernel has or makes at the same time, in all. Default 2048.
    pub links: usize,
    /// How long a shutdown waits for what is queued to be written. Default 5 s.
    pub drain_time: Duration,
}

impl Default for TikcLimits {
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        Self {
            max_frame: 16 * MIB,
            max_values: 1_000_000,
            first_word: Duration::from_secs(15),
            silence: Duration::from_secs(15),
            strangers: 256,
            clients: 1024,
            aliases_per_link: 10_000,
            aliases: 100_000,
            own_aliases: 10_000,
            queue_bytes: 16 * MIB,
            control_bytes: 4 * MIB,
            waiting_posts: 10_000,
            waiting_time: Duration::from_secs(30),
            mailbox: 10_000,
            mailbox_bytes: 64 * MIB,
            patience: Duration::from_secs(10),
            calls: 10_000,
            call_time: Duration::from_secs(60),
            links: 2048,
            drain_time: Duration::from_secs(5),
        }
    }
}
