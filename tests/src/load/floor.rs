//! The floor: no server, only the kernel. One thread writes the same bytes to so many sockets, another
//! one drains them.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token};

use super::cpu_of_this_thread;

/// Bytes of a message as an IRC client reads it, with who says it where.
const LINE_BYTES: usize = 138;

/// The work of a floor: what is written.
#[derive(Debug, Clone, Copy)]
pub struct Floor {
    /// Sockets.
    pub receivers: usize,
    /// Messages in each write.
    pub batch: usize,
    /// Rounds of one write for each socket.
    pub rounds: usize,
    /// Time from one round to the next.
    pub pace: Option<Duration>,
}

/// The figures of a floor's run.
#[derive(Debug)]
pub struct FloorRun {
    /// Messages, all sockets together.
    pub n_deliveries: u64,
    /// From the first to the last.
    pub time: Duration,
    /// Processor time that writing needed.
    pub writer_cpu: Duration,
}

impl FloorRun {
    /// Processor seconds of the writer for a million deliveries.
    #[must_use]
    pub fn cpu_per_million(&self) -> f64 {
        self.writer_cpu.as_secs_f64() * 1e6 / self.n_deliveries as f64
    }
}

impl Floor {
    /// Writes it all.
    ///
    /// # Errors
    /// If the system does not connect them.
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures time and keeps a pace")]
    pub fn run(self) -> io::Result<FloorRun> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (mut writers, mut readers) = (Vec::new(), Vec::new());
        for _ in 0..self.receivers {
            let reader = TcpStream::connect(address)?;
            reader.set_nonblocking(true)?;
            readers.push(mio::net::TcpStream::from_std(reader));
            let writer = listener.accept()?.0;
            writer.set_nodelay(true)?;
            writers.push(writer);
        }
        let message = [b'x'; LINE_BYTES].repeat(self.batch);
        thread::scope(|scope| {
            let reading = scope.spawn(|| drain(readers));
            let (start, cpu_before) = (Instant::now(), cpu_of_this_thread());
            // They are closed behind the last write, so that the reader knows that this is all.
            self.write(writers, &message)?;
            let writer_cpu = cpu_of_this_thread().saturating_sub(cpu_before);
            reading.join().expect("the reader only reads")?;
            let n_deliveries = (self.receivers * self.batch * self.rounds) as u64;
            Ok(FloorRun { n_deliveries, time: start.elapsed(), writer_cpu })
        })
    }

    #[expect(clippy::disallowed_methods, reason = "a benchmark keeps a pace")]
    fn write(self, mut writers: Vec<TcpStream>, message: &[u8]) -> io::Result<()> {
        let start = Instant::now();
        for round in 0..self.rounds {
            if let Some(pace) = self.pace {
                let due = start + pace * u32::try_from(round).unwrap_or(u32::MAX);
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            for writer in &mut writers {
                writer.write_all(message)?;
            }
        }
        Ok(())
    }
}

fn drain(mut readers: Vec<mio::net::TcpStream>) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    for (index, reader) in readers.iter_mut().enumerate() {
        poll.registry().register(reader, Token(index), Interest::READABLE)?;
    }
    let mut buffer = vec![0; 256 << 10];
    // That one has ended may be told more than once.
    let mut readers: Vec<Option<_>> = readers.into_iter().map(Some).collect();
    let mut n_open = readers.len();
    while n_open > 0 {
        poll.poll(&mut events, None)?;
        for event in &events {
            let open = &mut readers[event.token().0];
            while let Some(reader) = open {
                match reader.read(&mut buffer) {
                    Ok(0) => {
                        *open = None;
                        n_open -= 1;
                        break;
                    }
                    // A short read has emptied the socket, unless it has also ended.
                    Ok(n) if n < buffer.len() && !event.is_read_closed() => break,
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
        }
    }
    Ok(())
}
