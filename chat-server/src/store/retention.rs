//! Retention of messages: by their age, by how much there is of a conversation, and by how much there is of all. What is too
//! old or too much is deleted in small transactions; what nobody can ask for any more, and names that nothing is left of, go
//! with it.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    time::{Duration, SystemTime},
};

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    database::{milliseconds, monotonic_now},
    history::{first_from, places_of},
    search,
};
use crate::{
    origin::Origin,
    retention::{Retention, Rule},
};

/// The time from one look for what is too old to the next.
pub(super) const EVERY: Duration = Duration::from_secs(3600);

/// Records that are deleted in one transaction, if there is time.
const CHUNK: usize = 200;

/// The time after which a transaction deletes no more, however few it has: what is written waits for it meanwhile, and a record
/// of fifty rare words takes the index a millisecond.
const CHUNK_TIME: Duration = Duration::from_millis(10);

/// Pages of the file that are given back to the system at once.
const PAGES: u32 = 256;

/// A look through all conversations, and where it goes on.
#[derive(Debug)]
pub(super) struct Sweep {
    now: SystemTime,
    next: i64,
    has_looked: bool,
    /// Whether it has deleted records of the conversation that is next.
    has_deleted_here: bool,
    /// Whether it has deleted anything.
    pub(super) has_deleted: bool,
}

impl Sweep {
    pub(super) fn at(now: SystemTime) -> Self {
        Self { now, next: 0, has_looked: false, has_deleted_here: false, has_deleted: false }
    }

    /// Does a part of it in one transaction; whether there is more to do.
    pub(super) fn go_on(
        &mut self,
        database: &mut Connection,
        retention: &Retention,
    ) -> rusqlite::Result<bool> {
        let find = "SELECT id, name, is_retired, is_closed FROM conversations WHERE id >= ? ORDER BY id LIMIT 1";
        let found: Option<(i64, String, bool, bool)> = database
            .prepare_cached(find)?
            .query_row([self.next], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .optional()?
            .filter(|_| !self.has_looked);
        let Some((number, name, is_retired, is_closed)) = found else {
            self.has_looked = true;
            // What was deleted is given back to the system.
            database.execute_batch(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
            return Ok(free_pages(database)? > 0);
        };
        let transaction = database.transaction()?;
        let rule = *retention.rooms.get(&name).unwrap_or(&retention.everywhere);
        let cut = if is_retired { i64::MAX } else { cut(&transaction, number, rule, self.now)? };
        let (is_done, n_deleted) = delete_before(&transaction, number, cut, 1)?;
        // Whoever speaks there again begins it anew; of a room that is closed that is to be known.
        self.has_deleted_here |= n_deleted > 0;
        let is_over =
            is_retired || self.has_deleted_here && !is_closed && is_empty(&transaction, number)?;
        if is_done && is_over {
            forget(&transaction, number, &name)?;
        }
        transaction.commit()?;
        self.has_deleted |= n_deleted > 0 || is_done && is_over;
        if is_done {
            (self.next, self.has_deleted_here) = (number + 1, false);
        }
        Ok(true)
    }
}

fn free_pages(database: &Connection) -> rusqlite::Result<i64> {
    database.query_row("PRAGMA freelist_count", [], |row| row.get(0))
}

fn is_empty(database: &Connection, number: i64) -> rusqlite::Result<bool> {
    let (first, last) = places_of(number);
    let any = "SELECT 1 FROM records WHERE id >= ? AND id < ? LIMIT 1";
    database.prepare_cached(any)?.exists([first, last]).map(|any| !any)
}

/// Deletes what is left of a conversation without records.
fn forget(database: &Connection, number: i64, name: &str) -> rusqlite::Result<()> {
    for person in name.split_once('\n').map_or([None; 2], |(a, b)| [Some(a), Some(b)]) {
        // By the key, for there is no index by conversations.
        let forget = "DELETE FROM participants WHERE person = ? AND conversation = ?";
        if let Some(person) = person {
            database.prepare_cached(forget)?.execute(params![person, number])?;
        }
    }
    for forget in [
        "DELETE FROM nonces WHERE conversation = ?",
        "DELETE FROM unindexed WHERE conversation = ?",
        "DELETE FROM conversations WHERE id = ?",
    ] {
        database.prepare_cached(forget)?.execute([number])?;
    }
    Ok(())
}

/// The id before which everything of a conversation is to go.
fn cut(database: &Connection, number: i64, rule: Rule, now: SystemTime) -> rusqlite::Result<i64> {
    let (first, last) = places_of(number);
    let by_age = match rule.age.and_then(|age| now.checked_sub(age)) {
        Some(oldest) => match first_from(database, &(first..last), milliseconds(oldest))? {
            // All of it is older.
            end if end == last => i64::MAX,
            id => id,
        },
        None => first,
    };
    let too_much = "SELECT id FROM (
                        SELECT id, sum(octet_length(text)) OVER (ORDER BY id DESC) AS total
                        FROM records WHERE id >= ? AND id < ?
                    ) WHERE total > ? ORDER BY id DESC LIMIT 1";
    let by_bytes = match rule.bytes {
        Some(bytes) => {
            let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
            let found: Option<i64> = database
                .prepare_cached(too_much)?
                .query_row([first, last, bytes], |row| row.get(0))
                .optional()?;
            found.map_or(first, |id| id + 1)
        }
        None => first,
    };
    Ok(by_age.max(by_bytes))
}

/// Deletes some of a conversation's records before `cut`, and what is about them: for [`CHUNK_TIME`], and for longer until `n_min` are
/// gone, but no more than [`CHUNK`]; whether that was all, and how many.
fn delete_before(
    database: &Connection,
    number: i64,
    cut: i64,
    n_min: usize,
) -> rusqlite::Result<(bool, usize)> {
    let (first, last) = places_of(number);
    let cut = cut.min(last);
    let old: Vec<(i64, i64)> = database
        .prepare_cached(
            "SELECT id, kind FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
        )?
        .query_map(params![first, cut, CHUNK as i64], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let until = monotonic_now() + CHUNK_TIME;
    let mut n_deleted = 0;
    for (id, kind) in &old {
        if n_deleted >= n_min && monotonic_now() > until {
            return Ok((false, n_deleted));
        }
        if *kind < super::rows::REDACTED {
            search::remove(database, *id)?;
        }
        database
            .prepare_cached("DELETE FROM records WHERE id = ?1 OR about = ?1")?
            .execute([id])?;
        n_deleted += 1;
    }
    let is_all = n_deleted < CHUNK;
    if is_all && cut > first {
        let forget = "DELETE FROM nonces WHERE conversation = ? AND record < ?";
        database.prepare_cached(forget)?.execute(params![number, cut])?;
    }
    Ok((is_all, n_deleted))
}

/// The bytes of the file that are in use.
pub(super) fn bytes_in_use(database: &Connection) -> rusqlite::Result<u64> {
    let number = |what: &str| -> rusqlite::Result<i64> {
        database.prepare_cached(&format!("PRAGMA {what}"))?.query_row([], |row| row.get(0))
    };
    let pages = number("page_count")? - number("freelist_count")?;
    Ok(u64::try_from(pages * number("page_size")?).unwrap_or(0))
}

/// Conversations that are measured at once.
const MEASURED_AT_ONCE: usize = 32;

/// Records of a conversation whose size is looked at, evenly among all.
const SAMPLES: i64 = 8;

/// Bytes that a record needs beside its text, about.
const RECORD_BYTES: u64 = 64;

/// The size of a conversation, about.
#[derive(Debug, Clone, Copy)]
struct Size {
    number: i64,
    first: i64,
    n_places: i64,
    bytes: u64,
}

/// The part of a conversation that was written from one address, about.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// The number of the network that the address is in.
    network: usize,
    /// The number of the address, or of the cloak in its place.
    address: usize,
    /// The conversation's place among all sizes.
    conversation: usize,
    bytes: u64,
}

/// Numbers for the hosts that records come from, as they stand in the names of senders, and for the networks of these.
#[derive(Debug, Default)]
struct Hosts {
    numbers: HashMap<Box<str>, usize>,
    /// The number of the network of each host, by the number of that.
    networks: HashMap<usize, usize>,
    /// The numbers of the network and of the host of senders, by their own.
    senders: HashMap<i64, (usize, usize)>,
}

impl Hosts {
    /// The numbers of the network and of the host of a sender.
    fn of_sender(
        &mut self,
        database: &Connection,
        sender: i64,
    ) -> rusqlite::Result<(usize, usize)> {
        if let Some(numbers) = self.senders.get(&sender) {
            return Ok(*numbers);
        }
        let find = "SELECT source FROM senders WHERE id = ?";
        let source: Option<String> =
            database.prepare_cached(find)?.query_row([sender], |row| row.get(0)).optional()?;
        let numbers = self.numbers_of(&source.unwrap_or_default());
        self.senders.insert(sender, numbers);
        Ok(numbers)
    }

    /// The numbers of the network and of the host in a sender's name.
    fn numbers_of(&mut self, source: &str) -> (usize, usize) {
        let host = source.rsplit('@').next().unwrap_or_default();
        let n_known = self.numbers.len();
        let address = self.number(host);
        if address == n_known {
            let network = self.number(&format!("in {}", network_of(host)));
            self.networks.insert(address, network);
        }
        (self.networks[&address], address)
    }

    fn number(&mut self, name: &str) -> usize {
        let next = self.numbers.len();
        match self.numbers.get(name) {
            Some(number) => *number,
            None => *self.numbers.entry(name.into()).or_insert(next),
        }
    }
}

/// The network of a host: that of an address, or the part of a cloak that stands for it; of another name the name itself.
fn network_of(host: &str) -> String {
    match (host.parse::<IpAddr>(), host.split_once('.')) {
        (Ok(address), _) => Origin::of(address).wide.to_string(),
        (_, Some((_, rest))) if host.ends_with(".cloak") => rest.to_owned(),
        _ => host.to_owned(),
    }
}

/// A cut of what is kept altogether. Networks may have as much as each other, so may the addresses in one that has more, and so
/// may the conversations that were written from one address that has more: what is above that is what a conversation gives of
/// its oldest. So whoever fills the store fills it with their own, in however many conversations, and little of anybody
/// else's goes.
#[derive(Debug)]
pub(super) struct Trim {
    bytes_max: u64,
    /// The conversation that is measured next; `None`: all are.
    next: Option<i64>,
    sizes: Vec<Size>,
    parts: Vec<Part>,
    hosts: Hosts,
    /// The conversations that give, and the id before which everything of them goes.
    cuts: Vec<(i64, i64)>,
}

impl Trim {
    pub(super) fn to(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            next: Some(0),
            sizes: Vec::new(),
            parts: Vec::new(),
            hosts: Hosts::default(),
            cuts: Vec::new(),
        }
    }

    /// Whether there are conversations that give.
    pub(super) fn is_cutting(&self) -> bool {
        !self.cuts.is_empty()
    }

    /// Does a part of it in one transaction, where `n_written` have come since the last one; whether there is more to do.
    pub(super) fn go_on(
        &mut self,
        database: &mut Connection,
        n_written: usize,
    ) -> rusqlite::Result<bool> {
        let transaction = database.transaction()?;
        if let Some(next) = self.next {
            self.next = self.measure(&transaction, next)?;
            if self.next.is_none() {
                self.decide(bytes_in_use(&transaction)?);
            }
            return Ok(true);
        }
        let Some((number, cut)) = self.cuts.last().copied() else { return Ok(false) };
        // More than come meanwhile, so that it comes to an end.
        let (is_done, _) = delete_before(&transaction, number, cut, 2 * n_written + 1)?;
        transaction.commit()?;
        if is_done {
            self.cuts.pop();
        }
        Ok(true)
    }

    /// Measures some conversations from that number on; the next one.
    fn measure(&mut self, database: &Connection, from: i64) -> rusqlite::Result<Option<i64>> {
        let find = "SELECT id FROM conversations WHERE id >= ? ORDER BY id LIMIT ?";
        let numbers: Vec<i64> = database
            .prepare_cached(find)?
            .query_map(params![from, MEASURED_AT_ONCE as i64], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let mut first = database.prepare_cached(
            "SELECT id FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT 1",
        )?;
        let mut last = database.prepare_cached(
            "SELECT id FROM records WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1",
        )?;
        let mut sample = database.prepare_cached(
            "SELECT octet_length(text) + ifnull(octet_length(extra), 0) AS size, sender
             FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT 1",
        )?;
        for number in &numbers {
            let (start, end) = places_of(*number);
            let first: Option<i64> = first.query_row([start, end], |row| row.get(0)).optional()?;
            let last: Option<i64> = last.query_row([start, end], |row| row.get(0)).optional()?;
            let (Some(first), Some(last)) = (first, last) else { continue };
            let n_places = last - first + 1;
            let n_samples = n_places.min(SAMPLES);
            let conversation_start = self.parts.len();
            let mut written: BTreeMap<(usize, usize), u64> = BTreeMap::new();
            for index in 0..n_samples {
                let at = first + n_places * index / n_samples;
                let found: Option<(i64, i64)> =
                    sample.query_row([at, end], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
                let (size, sender) = found.unwrap_or_default();
                let written_from = self.hosts.of_sender(database, sender)?;
                *written.entry(written_from).or_default() +=
                    u64::try_from(size).unwrap_or(0) + RECORD_BYTES;
            }
            let scale = |bytes: u64| {
                bytes * u64::try_from(n_places).unwrap_or(0) / u64::try_from(n_samples).unwrap_or(1)
            };
            let conversation = self.sizes.len();
            let parts = written.into_iter().map(|((network, address), bytes)| Part {
                network,
                address,
                conversation,
                bytes: scale(bytes),
            });
            self.parts.extend(parts);
            let bytes = bytes_of(&self.parts[conversation_start..]);
            self.sizes.push(Size { number: *number, first, n_places, bytes });
        }
        Ok(numbers.last().filter(|_| numbers.len() == MEASURED_AT_ONCE).map(|last| last + 1))
    }

    /// Decides who gives how much: down to nine tenths, so that it is not done for every message.
    fn decide(&mut self, in_use: u64) {
        let wanted = self.bytes_max / 10 * 9;
        let all: u64 = self.sizes.iter().map(|own| own.bytes).sum();
        if in_use <= wanted || all == 0 {
            return;
        }
        // Of what they are measured to have, which is not quite what the file needs for it.
        let may_have = (u128::from(all) * u128::from(wanted) / u128::from(in_use)) as u64;
        let mut gives = BTreeMap::new();
        give(std::mem::take(&mut self.parts), &GROUPS, may_have, &mut gives);
        for (conversation, given) in gives {
            let Size { number, first, n_places, bytes } = self.sizes[conversation];
            let share = u128::from(given) * n_places as u128 / u128::from(bytes.max(1));
            let n_gone = i64::try_from(share).unwrap_or(n_places).max(1);
            self.cuts.push((number, first + n_gone));
        }
        self.sizes.clear();
    }
}

/// The groups that have as much as each other, the widest first.
const GROUPS: [fn(&Part) -> usize; 3] =
    [|own| own.network, |own| own.address, |own| own.conversation];

fn bytes_of(parts: &[Part]) -> u64 {
    parts.iter().map(|own| own.bytes).sum()
}

/// The bytes that each conversation gives, so that these parts have no more than `may_have` together: the groups of which there
/// is most give, each of them in the same way.
fn give(
    parts: Vec<Part>,
    groups: &[fn(&Part) -> usize],
    may_have: u64,
    gives: &mut BTreeMap<usize, u64>,
) {
    let Some((group_of, groups)) = groups.split_first() else {
        let conversation = parts.first().map_or(0, |own| own.conversation);
        *gives.entry(conversation).or_default() += bytes_of(&parts).saturating_sub(may_have);
        return;
    };
    let mut grouped: BTreeMap<usize, Vec<Part>> = BTreeMap::new();
    parts.into_iter().for_each(|own| grouped.entry(group_of(&own)).or_default().push(own));
    let level = level(grouped.values().map(|own| bytes_of(own)).collect(), may_have);
    let too_much = grouped.into_values().filter(|own| bytes_of(own) > level);
    too_much.for_each(|own| give(own, groups, level, gives));
}

/// The most that each may have so that all together have no more than `may_have`.
fn level(mut sizes: Vec<u64>, may_have: u64) -> u64 {
    sizes.sort_unstable();
    let mut left = may_have;
    let mut n_left = sizes.len() as u64;
    for size in sizes {
        if size > left / n_left.max(1) {
            return left / n_left.max(1);
        }
        left -= size;
        n_left -= 1;
    }
    u64::MAX
}

/// Senders that are looked at, or records whose senders are, at once.
const SENDERS_AT_ONCE: i64 = 2000;

/// A look for senders of whom no record is left. Those who write meanwhile are marked as they do.
#[derive(Debug)]
pub(super) struct SenderSweep {
    /// A bit for each number of a sender that there was when it began.
    is_used: Vec<u64>,
    next_record: Option<i64>,
    next_sender: i64,
}

impl SenderSweep {
    pub(super) fn begin(database: &Connection) -> rusqlite::Result<Self> {
        let latest: Option<i64> =
            database.query_row("SELECT max(id) FROM senders", [], |row| row.get(0))?;
        let n_words = usize::try_from(latest.unwrap_or(0) / 64 + 1).unwrap_or(0);
        Ok(Self { is_used: vec![0; n_words], next_record: Some(0), next_sender: 0 })
    }

    /// The sender has a record.
    pub(super) fn mark(&mut self, sender: i64) {
        let word = usize::try_from(sender / 64).ok().and_then(|word| self.is_used.get_mut(word));
        if let Some(word) = word {
            *word |= 1 << (sender % 64);
        }
    }

    /// Does a part of it, and whether there is more to do.
    pub(super) fn go_on(&mut self, database: &mut Connection) -> rusqlite::Result<bool> {
        if let Some(next) = self.next_record {
            let read = "SELECT id, sender FROM records WHERE id >= ? ORDER BY id LIMIT ?";
            let found: Vec<(i64, i64)> = database
                .prepare_cached(read)?
                .query_map([next, SENDERS_AT_ONCE], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            found.iter().for_each(|(_, sender)| self.mark(*sender));
            self.next_record = found.last().map(|(id, _)| id + 1);
            return Ok(true);
        }
        let n_senders = i64::try_from(self.is_used.len() * 64).unwrap_or(i64::MAX);
        let find = "SELECT id FROM senders WHERE id >= ? AND id < ? ORDER BY id LIMIT ?";
        let found: Vec<i64> = database
            .prepare_cached(find)?
            .query_map([self.next_sender, n_senders, SENDERS_AT_ONCE], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let Some(last) = found.last() else { return Ok(false) };
        self.next_sender = last + 1;
        let transaction = database.transaction()?;
        let is_used = |sender: &&i64| {
            let word = usize::try_from(**sender / 64).ok().and_then(|word| self.is_used.get(word));
            word.is_some_and(|word| word >> (**sender % 64) & 1 == 1)
        };
        for sender in found.iter().filter(|sender| !is_used(sender)) {
            transaction.prepare_cached("DELETE FROM senders WHERE id = ?")?.execute([sender])?;
        }
        transaction.commit()?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gives(parts: &[(usize, usize, usize, u64)], may_have: u64) -> Vec<(usize, u64)> {
        let part = |(network, address, conversation, bytes)| Part {
            network,
            address,
            conversation,
            bytes,
        };
        let mut gives = BTreeMap::new();
        give(parts.iter().copied().map(part).collect(), &GROUPS, may_have, &mut gives);
        gives.into_iter().collect()
    }

    #[test]
    fn an_address_gives_for_all_its_conversations_together() {
        // One has 100 small conversations, others one that is larger than each of them: the one gives.
        let mut parts: Vec<_> = (1..=100).map(|conversation| (1, 1, conversation, 10)).collect();
        parts.extend([(2, 2, 0, 50), (3, 3, 0, 50)]);
        let own: Vec<_> = (1..=100).map(|conversation| (conversation, 8)).collect();
        assert_eq!(gives(&parts, 300), own);
        // Also with many addresses of one network, and not with their neighbour.
        let mut parts: Vec<_> = (1..=100).map(|own| (1, own, own, 10)).collect();
        parts.extend([(1, 200, 200, 2), (2, 2, 0, 50), (3, 3, 0, 50)]);
        assert_eq!(gives(&parts, 302), (1..=100).map(|own| (own, 8)).collect::<Vec<_>>());
        // Of one address the largest conversations give, as far as they are its own.
        assert_eq!(gives(&[(1, 1, 1, 10), (1, 1, 2, 500), (2, 2, 2, 5)], 100), [(2, 415)]);
        assert_eq!(gives(&[(1, 1, 1, 10), (2, 2, 2, 10)], 100), []);
    }

    #[test]
    fn the_network_of_a_host_is_that_of_its_cloak() {
        let mut hosts = Hosts::default();
        let mut numbers = |host: &str| hosts.numbers_of(&format!("a!b@{host}"));
        let (own, near) = (numbers("a.n.w.cloak"), numbers("b.n.w.cloak"));
        assert!(own.0 == near.0 && own.1 != near.1, "{own:?} {near:?}");
        assert_eq!(numbers("a.n.w.cloak"), own);
        assert_ne!(numbers("a.m.w.cloak").0, own.0);
        assert_eq!(numbers("192.0.2.1").0, numbers("192.0.2.2").0);
        assert_ne!(numbers("192.0.2.1").0, numbers("192.0.3.1").0);
        assert_eq!(numbers("2001:db8::1").0, numbers("2001:db8:0:1::1").0);
        assert_ne!(numbers("one.example.org").0, numbers("other.example.org").0);
    }

    #[test]
    fn those_who_have_most_give_first() {
        // One has much, and gives all that is too much.
        assert_eq!(level(vec![10, 20, 1000], 100), 70);
        // Two have much: they have the same afterwards.
        assert_eq!(level(vec![500, 10, 1000], 110), 50);
        assert_eq!(level(vec![10, 10, 10], 3), 1);
        assert_eq!(level(vec![10, 10], 100), u64::MAX);
        assert_eq!(level(Vec::new(), 0), u64::MAX);
    }
}
