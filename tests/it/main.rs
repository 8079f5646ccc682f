//! Everything that is tested from outside; this list is the table of contents.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod authorisation;
mod bans;
mod clients;
mod commands;
mod config;
mod desktop;
mod devices;
mod differential;
mod disk;
mod edits_and_reactions;
mod examples;
mod filter;
mod foreign;
mod fuzz_corpus;
mod history;
mod ircv3;
mod labels;
mod limits;
mod links;
mod listeners;
mod markers;
mod metadata;
mod metadata_3;
mod modes;
mod options;
mod original_behaviours;
mod queries;
mod registered_rooms;
mod room_log_contract;
mod rooms;
mod rules;
mod sasl;
mod sdk;
mod search;
mod sim;
mod store;
mod terminal;
mod tidy;
mod tls;
mod upkeep;
mod walls;
mod web_socket;
mod whole;
