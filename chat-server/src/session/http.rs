//! The HTTP door: whether the server is well (`/health`: not while nothing can be stored or read), and its numbers (`/metrics`). One request a
//! connection.

use std::{sync::Arc, time::Instant};

use super::step::{Output, Step};
use crate::settings::Settings;

/// Bytes of a request.
const REQUEST_BYTES_MAX: usize = 8 << 10;

/// Headers of a request.
const HEADERS_MAX: usize = 64;

/// A session of the HTTP door (see the module).
#[derive(Debug)]
pub struct HttpSession {
    pub(super) settings: Arc<Settings>,
    since: Instant,
    request: Vec<u8>,
    is_answered: bool,
}

impl HttpSession {
    pub(super) fn new(settings: Arc<Settings>, now: Instant) -> Self {
        Self { settings, since: now, request: Vec::new(), is_answered: false }
    }

    pub(super) fn inbox_bytes(&self) -> usize {
        self.request.len()
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if !self.is_answered {
            self.request.extend_from_slice(bytes);
        }
    }

    pub(super) fn step(&mut self, out: &mut Output) -> Step {
        if self.is_answered || self.request.is_empty() {
            return Step::NeedsBytes;
        }
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        let (status, body) = match request.parse(&self.request) {
            Ok(httparse::Status::Partial) if self.request.len() < REQUEST_BYTES_MAX => {
                return Step::NeedsBytes;
            }
            Ok(httparse::Status::Partial) => ("431 Request Header Fields Too Large", String::new()),
            Err(_) => ("400 Bad Request", String::new()),
            Ok(httparse::Status::Complete(_)) => {
                match (request.method.unwrap_or_default(), request.path.unwrap_or_default()) {
                    ("GET" | "HEAD", "/health") => {
                        match self.settings.log_health.trouble(self.since) {
                            None => ("200 OK", "ok\n".to_owned()),
                            Some(trouble) => ("503 Service Unavailable", format!("{trouble}\n")),
                        }
                    }
                    ("GET" | "HEAD", "/metrics") => ("200 OK", self.settings.metrics.text()),
                    ("GET" | "HEAD", _) => {
                        ("404 Not Found", "there is /health, and /metrics\n".to_owned())
                    }
                    _ => ("405 Method Not Allowed", String::new()),
                }
            }
        };
        let n_bytes = body.len();
        let body = if request.method == Some("HEAD") { "" } else { &*body };
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
             Content-Length: {n_bytes}\r\nConnection: close\r\n\r\n{body}"
        );
        out.bytes.extend_from_slice(answer.as_bytes());
        out.close = Some("Answered".into());
        self.is_answered = true;
        self.request = Vec::new();
        Step::Line
    }

    pub(super) fn next_deadline(&self) -> Instant {
        self.since + self.settings.limits.registration_timeout
    }

    pub(super) fn handle_deadline(&self, now: Instant, out: &mut Output) {
        if now >= self.next_deadline() {
            out.close = Some("No request came".into());
        }
    }
}
