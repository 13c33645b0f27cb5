//! The process of the clients.

use std::io::{ErrorKind, stdin, stdout};
use std::os::fd::AsRawFd;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::link::{hear, say};
use crate::media::client::{Client, Published};
use crate::media::source::Shape;

/// A publisher's video: 30 frames of 7 packets a second.
fn video(is_paced: bool, is_uneven: bool) -> Shape {
    Shape {
        is_video: true,
        rids: &[],
        interval: Duration::from_nanos(1_000_000_000 / 30),
        packets: 7,
        packet_bytes: 1200,
        is_uneven,
        spread: if is_paced { 0.5 } else { 0.0 },
    }
}

/// The token of an order of the server's process.
const ORDER: Token = Token(usize::MAX);

struct Member {
    client: Client,
    /// Whether it decrypts what it gets; others count only.
    is_sampled: bool,
    datagrams: u64,
}

struct Crowd {
    poll: Poll,
    members: Vec<Member>,
    buffer: Vec<u8>,
}

/// Runs until the server's process closes the link.
pub(crate) fn run() {
    let poll = Poll::new().expect("epoll works");
    let waker = Waker::new(poll.registry(), ORDER).expect("epoll takes a waker");
    let (sender, orders) = channel();
    std::thread::spawn(move || {
        let mut input = stdin().lock();
        while let Some(words) = hear(&mut input) {
            if sender.send(words).is_err() {
                return;
            }
            waker.wake().expect("epoll works");
        }
        drop(sender);
        waker.wake().expect("epoll works");
    });
    let mut crowd = Crowd {
        poll,
        members: Vec::new(),
        buffer: vec![0; 2048],
    };
    let mut events = Events::with_capacity(1024);
    while crowd.obey(&orders) {
        let wait = crowd.drive();
        if let Err(error) = crowd.poll.poll(&mut events, Some(wait)) {
            assert_eq!(error.kind(), ErrorKind::Interrupted);
        }
        for event in &events {
            if event.token() != ORDER {
                crowd.receive(event.token().0);
            }
        }
    }
}

impl Crowd {
    /// Does what the server's process says. Gives whether it is still there.
    fn obey(&mut self, orders: &Receiver<Vec<String>>) -> bool {
        loop {
            let words = match orders.try_recv() {
                Ok(words) => words,
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            };
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let now = Instant::now();
            let index = || words[1].parse::<usize>().expect("a client's number");
            match words[0] {
                "publish" => {
                    let number = self.add(true);
                    let tracks = [
                        ("camera", video(words[1] == "paced", words[2] == "uneven")),
                        ("microphone", Shape::microphone()),
                    ];
                    let tracks = tracks.map(|(cid, shape)| Published { cid, shape });
                    let offer = self.members[number].client.offer(now, &tracks);
                    say(&mut stdout(), &[&number.to_string(), &offer]);
                }
                "answer" => self.members[index()].client.accept_answer(words[2]),
                "subscribe" => {
                    let number = self.add(words[1] == "sampled");
                    say(&mut stdout(), &[&number.to_string()]);
                }
                "offer" => {
                    let answer = self.members[index()].client.accept_offer(words[2]);
                    say(&mut stdout(), &[&answer]);
                }
                "count" => self.tell(),
                other => panic!("no such order: {other}"),
            }
        }
    }

    fn add(&mut self, is_sampled: bool) -> usize {
        let client = Client::new(Instant::now());
        let number = self.members.len();
        let socket = &client.socket;
        socket.set_nonblocking(true).expect("a socket can be set");
        let registry = self.poll.registry();
        registry
            .register(
                &mut SourceFd(&socket.as_raw_fd()),
                Token(number),
                Interest::READABLE,
            )
            .expect("epoll takes the socket");
        self.members.push(Member {
            client,
            is_sampled,
            datagrams: 0,
        });
        number
    }

    /// Tells how many are connected, how many datagrams came, and what the sample found.
    fn tell(&self) {
        let reports = || self.members.iter().map(|member| &member.client.report);
        let connected = reports().filter(|report| report.is_connected).count() as u64;
        let datagrams: u64 = self.members.iter().map(|member| member.datagrams).sum();
        let sections = || reports().flat_map(|report| report.sections.values());
        let checked: u64 = sections().map(|section| section.packets).sum();
        let disordered: u64 = sections().map(|section| section.disordered).sum();
        let missing: u64 = sections()
            .filter_map(|section| Some((section.sequence?, section.packets)))
            .map(|((first, last), packets)| (last - first + 1).saturating_sub(packets))
            .sum();
        let words = [connected, datagrams, checked, disordered, missing].map(|n| n.to_string());
        say(&mut stdout(), &words.each_ref().map(String::as_str));
    }

    /// Drives the clients whose time has come. Gives how long to wait.
    fn drive(&mut self) -> Duration {
        let now = Instant::now();
        let mut next = now + Duration::from_millis(10);
        for member in &mut self.members {
            if member.client.due() <= now {
                member.client.drive(now);
            }
            next = next.min(member.client.due());
        }
        next.saturating_duration_since(now)
    }

    fn receive(&mut self, number: usize) {
        let member = &mut self.members[number];
        let is_checked = member.is_sampled || !member.client.report.is_connected;
        loop {
            match member.client.socket.recv_from(&mut self.buffer) {
                Ok((length, source)) => {
                    let datagram = &self.buffer[..length];
                    member.datagrams += u64::from(is_media(datagram));
                    if is_checked || !is_media(datagram) {
                        let now = Instant::now();
                        member.client.handle_datagram(now, source, datagram);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("receiving failed: {error}"),
            }
        }
    }
}

/// Tells RTP from RTCP, STUN and DTLS (RFC 7983, section 7; RFC 5761, section 4).
fn is_media(datagram: &[u8]) -> bool {
    matches!(datagram, [128..=191, kind, ..] if !(64..=95).contains(&(kind & 0x7f)))
}
