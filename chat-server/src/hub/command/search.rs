//! `SEARCH` (`docs/search.md`; soju.im/search): messages with certain words, in what one may read.

use std::{sync::Arc, time::SystemTime};

use chat_core::{
    proto::{Capability, CommandError},
    wire::unescape_tag_value,
};

use crate::{
    delivery::{Content, Event, RecordContent, ReplyLine},
    history::{Match, Order, Query, Search},
    hub::{
        Hub,
        log::query::HISTORY_BYTES_MAX,
        policy::Right,
        refusal::Refusal,
        replies::{batches::in_pages, turn::Turn},
        state::{
            device::Reader,
            query::{QueryPurpose, parts},
        },
    },
    search_words::SearchWords,
};

/// Messages that are found for those who say nothing of how many, and those who know nothing of searching.
const LIMIT: usize = 20;

/// The warning to those who ask before the index of words has all.
const INCOMPLETE: &str = "not all that was said is in the index of words yet, so there may be more: ask again in a minute";

/// A search request, before it is known where.
#[derive(Default)]
struct SearchRequest {
    place: Option<String>,
    words: Option<SearchWords>,
    from: Option<String>,
    after: Option<SystemTime>,
    before: Option<SystemTime>,
    limit: Option<usize>,
    order: Order,
}

impl SearchRequest {
    /// Attributes as tags are written: `in=#room;text=hello\\sworld`.
    fn read(attributes: &str) -> Result<Self, Refusal> {
        let mut request = Self::default();
        for attribute in attributes.split(';').filter(|attribute| !attribute.is_empty()) {
            let (key, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            let value = unescape_tag_value(value).into_owned();
            let time = || {
                humantime::parse_rfc3339(&value)
                    .ok()
                    .filter(|time| *time >= SystemTime::UNIX_EPOCH)
                    .ok_or_else(|| invalid(key, "a time reads YYYY-MM-DDThh:mm:ss.sssZ"))
            };
            match key {
                "in" => request.place = Some(value),
                "text" => request.words = Some(read_words(&value)?),
                "from" => request.from = Some(value),
                "after" => request.after = Some(time()?),
                "before" => request.before = Some(time()?),
                "limit" => {
                    let limit = value.parse().map_err(|_| invalid(key, "a limit is a number"))?;
                    request.limit = Some(limit);
                }
                "order" => {
                    request.order = match &*value {
                        "rank" => Order::Rank,
                        "time" => Order::Time,
                        _ => return Err(invalid(key, "the orders are rank and time")),
                    };
                }
                _ => {
                    let text = "the attributes are in, from, after, before, text, limit and order";
                    return Err(invalid(key, text));
                }
            }
        }
        Ok(request)
    }
}

impl Hub {
    pub(crate) fn search(&mut self, turn: &mut Turn, params: &[String]) -> Result<(), Refusal> {
        if !self.settings.keeps_history {
            return Err(CommandError::Unknown("SEARCH".into()).into());
        }
        let Reader { person, device } = self.people.reader(turn.conn);
        let knows = |capability| device.capabilities.contains(capability);
        // Who knows no attributes writes words.
        let request = if knows(Capability::Search) || knows(Capability::SojuSearch) {
            SearchRequest::read(params.first().map_or("", String::as_str))?
        } else {
            SearchRequest {
                words: Some(read_words(&params.join(" "))?),
                ..SearchRequest::default()
            }
        };
        let (conversations, direct) = match &request.place {
            Some(target) => {
                let found = self.find_readable(turn.conn, target, Right::Search);
                let text = "there are no messages here that you may read";
                (parts(found.ok_or_else(|| invalid(target, text))?), None)
            }
            None => {
                let names = person.rooms.iter().map(|id| self.rooms[id].name.as_str());
                let rooms: Vec<_> = names
                    .filter_map(|name| self.find_readable_room(turn.conn, name, Right::Search))
                    .flat_map(parts)
                    .collect();
                let direct = (self.identity_of(turn.person), self.people.guests());
                (rooms, Some(direct))
            }
        };
        let SearchRequest { words, from, after, before, limit, order, .. } = request;
        let search = Search {
            conversations,
            direct,
            words,
            from,
            after,
            before,
            limit: limit.unwrap_or(LIMIT).min(self.settings.limits.history_page_max),
            bytes_max: HISTORY_BYTES_MAX,
            order,
        };
        self.submit_query(turn, QueryPurpose::Search, ("SEARCH", "*"), Query::Search(search));
        Ok(())
    }

    /// The lines of the matches, for a reader who knows of searching, or in words.
    pub(crate) fn match_lines(
        &self,
        reader: Reader<'_>,
        matches: Vec<Match>,
        is_all: bool,
    ) -> Vec<ReplyLine> {
        let knows = |capability| reader.device.capabilities.contains(capability);
        if knows(Capability::Search) || knows(Capability::SojuSearch) {
            let is_ours = knows(Capability::Search);
            let kind = if is_ours { "chat.local/search" } else { "soju.im/search" };
            let line = |Match { event, ranges }: Match| {
                if !is_ours || ranges.is_empty() {
                    return ReplyLine::Event(event);
                }
                let ranges = ranges.iter().map(|range| format!("{}-{}", range.start, range.end));
                let value = ranges.collect::<Vec<_>>().join(",").into();
                ReplyLine::Tagged { event, tag: "chat.local/match", value }
            };
            let mut lines = in_pages(kind, Vec::new(), matches.into_iter().map(line).collect());
            lines.extend((!is_all).then_some(ReplyLine::Fail {
                command: "SEARCH",
                code: "INDEX_INCOMPLETE",
                context: Vec::new(),
                text: INCOMPLETE.into(),
                is_partial: true,
            }));
            return lines;
        }
        let target = Arc::clone(reader.person.nick.shown());
        let notice =
            |text: String| ReplyLine::Notice { target: Arc::clone(&target), text: text.into() };
        let incomplete = (!is_all).then(|| notice(INCOMPLETE.to_owned()));
        if matches.is_empty() {
            let nothing = notice("Nothing was found in what you may read here".to_owned());
            return [nothing].into_iter().chain(incomplete).collect();
        }
        let found = matches.iter().map(|found| notice(in_words(&found.event)));
        found.chain(incomplete).collect()
    }
}

/// The words of a search, or why one does not look for so many.
fn read_words(text: &str) -> Result<SearchWords, Refusal> {
    SearchWords::read(text).map_err(|why| invalid("text", &why))
}

fn invalid(what: &str, text: &str) -> Refusal {
    Refusal::fail("SEARCH", "INVALID_PARAMS", &[what], text)
}

/// A message that was found, in one line.
fn in_words(event: &Event) -> String {
    let time = humantime::format_rfc3339_seconds(event.time).to_string().replace('T', " ");
    let (source, target, text) = match &event.content {
        Content::Record(RecordContent::Message { source, target, text, .. }) => {
            (source, target, text.to_string())
        }
        Content::Record(RecordContent::Multiline { source, target, lines, .. }) => {
            let lines: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
            (source, target, lines.join(" / "))
        }
        // Nothing else is found.
        _ => return time,
    };
    let nick = source.split('!').next().unwrap_or_default();
    format!("{} {target} <{nick}> {text}", time.trim_end_matches('Z'))
}
