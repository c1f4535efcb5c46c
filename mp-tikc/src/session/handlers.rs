//! Functions for named events, as POE's sessions have them.

use std::collections::BTreeMap;
use std::fmt;

use super::{Event, Session};

type Function = Box<dyn FnMut(Event) + Send>;

/// Functions by the names of events. [`Handlers::run`] calls them for a session.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use mp_tikc::{Handlers, Kernel};
/// let kernel = Kernel::new()?;
/// let mut session = kernel.session("counter")?;
/// let mut count = 0;
/// let mut handlers = Handlers::new();
/// handlers.on("add", move |event| count += event.decode::<(i64,)>().map_or(0, |(number,)| number));
/// handlers.run(&mut session).await;
/// # Ok(()) }
/// ```
#[derive(Default)]
pub struct Handlers {
    functions: BTreeMap<String, Function>,
    otherwise: Option<Function>,
}

impl Handlers {
    /// None as yet: all events are passed over.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `function` for events of that name. One that was there for it is replaced.
    pub fn on(&mut self, event: &str, function: impl FnMut(Event) + Send + 'static) -> &mut Self {
        self.functions.insert(event.to_owned(), Box::new(function));
        self
    }

    /// Calls `function` for all other events, as POE's `_default`.
    pub fn otherwise(&mut self, function: impl FnMut(Event) + Send + 'static) -> &mut Self {
        self.otherwise = Some(Box::new(function));
        self
    }

    /// Calls the function for an event; `false` if there is none.
    pub fn call(&mut self, event: Event) -> bool {
        let function = match self.functions.get_mut(event.name()) {
            Some(function) => Some(function),
            None => self.otherwise.as_mut(),
        };
        function.map(|function| function(event)).is_some()
    }

    /// Calls them for a session's events, one after another, until the kernel is shut down. They must not block; to
    /// post from one use [`Kernel::try_post`](crate::Kernel::try_post).
    ///
    /// # Cancellation
    ///
    /// Safe: no event is lost by dropping the future.
    pub async fn run(&mut self, session: &mut Session) {
        while let Some(event) = session.recv().await {
            let name = event.name().to_owned();
            if !self.call(event) {
                tracing::debug!(event = name, "an event without a handler");
            }
        }
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.functions.keys()).finish()
    }
}
