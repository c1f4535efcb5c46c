//! What has been said lately, so that a log is not flooded by a peer that tries again and again `[ND-15]`.

pub(crate) use mp_transport::complaints::{Complaints, shown};
