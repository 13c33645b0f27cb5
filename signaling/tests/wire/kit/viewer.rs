//! A viewer with a real peer connection that decodes sound and VP8 only.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use livekit_protocol::signal_request::Message as Request;
use livekit_protocol::signal_response::Message as Response;
use str0m::change::SdpOffer;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Input, Output, Rtc};
use tokio::sync::oneshot;

use super::client::description;
use super::{Client, Stage};

/// How soon an offer is noticed.
const OFFER_DELAY: Duration = Duration::from_millis(2);

type Offered = (String, oneshot::Sender<String>);

/// A client in dual mode, and the connection that it receives on. It ends when it is dropped.
pub(crate) struct Viewer {
    pub(crate) client: Client,
    offers: Option<Sender<Offered>>,
    thread: Option<JoinHandle<()>>,
}

impl Viewer {
    /// Joins, and answers the first offer, which has no media.
    pub(crate) async fn join(stage: &Stage, identity: &str, room: &str) -> Self {
        let (offers, receiver) = channel();
        let thread = std::thread::spawn(move || run(&receiver));
        let mut viewer = Self {
            client: Client::join(stage, identity, room).await,
            offers: Some(offers),
            thread: Some(thread),
        };
        viewer.answer().await;
        viewer
    }

    /// Waits for an offer and answers it.
    pub(crate) async fn answer(&mut self) {
        let offer = self.client.until(|message| match message {
            Response::Offer(offer) => Some(offer),
            _ => None,
        });
        let offer = offer.await;
        let (reply, answer) = oneshot::channel();
        let offers = self.offers.as_ref().expect("the connection runs");
        offers.send((offer.sdp, reply)).expect("it runs");
        let answer = description("answer", &answer.await.expect("it runs"), offer.id);
        self.client.say(Request::Answer(answer)).await;
    }

    /// How often the server has offered.
    pub(crate) fn offers(&self) -> usize {
        let seen = self.client.seen.iter();
        seen.filter(|message| matches!(message, Response::Offer(_)))
            .count()
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.offers = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(offers: &Receiver<Offered>) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let local = socket.local_addr().unwrap();
    let builder = Rtc::builder().set_rtp_mode(true).clear_codecs();
    let mut rtc = builder
        .enable_opus(true, false)
        .enable_vp8(true)
        .build(Instant::now());
    rtc.add_local_candidate(Candidate::host(local, "udp").unwrap());
    loop {
        match offers.try_recv() {
            Ok((offer, reply)) => {
                let offer = SdpOffer::from_sdp_string(&offer).unwrap();
                let answer = rtc.sdp_api().accept_offer(offer).unwrap();
                let _ = reply.send(answer.to_sdp_string());
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return,
        }
        drive(&mut rtc, &socket, local);
    }
}

/// Sends what is to be sent, and waits a moment for something to receive.
fn drive(rtc: &mut Rtc, socket: &UdpSocket, local: SocketAddr) {
    let _ = rtc.handle_input(Input::Timeout(Instant::now()));
    while let Ok(output) = rtc.poll_output() {
        match output {
            Output::Timeout(_) => break,
            Output::Transmit(datagram) => {
                let _ = socket.send_to(&datagram.contents, datagram.destination);
            }
            Output::Event(_) => {}
        }
    }
    socket.set_read_timeout(Some(OFFER_DELAY)).unwrap();
    let mut buffer = [0; 2048];
    if let Ok((length, source)) = socket.recv_from(&mut buffer)
        && let Ok(receive) = Receive::new(Protocol::Udp, source, local, &buffer[..length])
    {
        let input = Input::Receive(Instant::now(), receive);
        if rtc.accepts(&input) {
            let _ = rtc.handle_input(input);
        }
    }
}
