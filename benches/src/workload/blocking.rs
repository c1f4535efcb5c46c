//! The contestant of blocking sockets, which works in a thread.

use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;

use crate::contest::Contestant;
use crate::figures::Figure;
use crate::messages::Traffic;
use crate::raw::blocking::Connection;
use crate::raw::service::Role;

/// What is done with the connection for so long, with this payload.
pub(super) type Job = fn(&mut Connection, &[u8], Duration) -> anyhow::Result<Vec<Figure>>;

/// A connection to who sends back what it gets, and a job.
pub(super) struct Blocking {
    connection: Option<Connection>,
    payload: Vec<u8>,
    job: Job,
}

impl Blocking {
    pub(super) fn connect(address: &str, payload: usize, job: Job) -> anyhow::Result<Self> {
        let mut connection = Connection::new(std::net::TcpStream::connect(address)?)?;
        connection.send(&Role::Echo.frame())?;
        Ok(Self { connection: Some(connection), payload: Traffic::payload(payload), job })
    }
}

#[async_trait]
impl Contestant for Blocking {
    async fn measure(&mut self, time: Duration) -> anyhow::Result<Vec<Figure>> {
        let (mut connection, payload) = (self.connection.take().context("it broke")?, self.payload.clone());
        let job = self.job;
        let working = move || job(&mut connection, &payload, time).map(|figures| (figures, connection));
        let (figures, connection) = tokio::task::spawn_blocking(working).await??;
        self.connection = Some(connection);
        Ok(figures)
    }
}
