//! `essink webhook`: what providers post, through a real stream into the cluster; and a process that dies while they do.

mod bird;
mod by_hand;
mod firehose;
mod json;
mod killed;
mod posts;
mod sns;
mod vonage;
