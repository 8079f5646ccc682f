//! Everything that is tested from outside; this list is the table of contents.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod authorisation;
mod bans;
mod clients;
mod commands;
mod config;
mod context;
mod desktop;
mod devices;
mod differential;
mod disk;
mod doors;
mod examples;
mod filter;
mod foreign;
mod fuzz_corpus;
mod history;
mod ircv3;
mod labels;
mod lasting;
mod limits;
mod links;
mod markers;
mod metadata;
mod metadata_3;
mod modes;
mod options;
mod queries;
mod rooms;
mod rules;
mod sasl;
mod sdk;
mod search;
mod seeds;
mod sim;
mod store;
mod terminal;
mod tidy;
mod tls;
mod upkeep;
mod web_socket;
mod whole;
