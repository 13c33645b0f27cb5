//! Two str0m peer connections on a link without delay, and a handshake whose keys are known.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use str0m::config::{DtlsCert, DtlsVersion};
use str0m::crypto::dtls::{
    DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion, SrtpProfile,
};
use str0m::crypto::{CryptoError, CryptoProvider};
use str0m::media::{MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpPacket;
use str0m::{Candidate, Event, Input, Output, Rtc};

use crate::crypto;

/// Agrees at once, on keys that the test knows.
#[derive(Debug)]
pub(super) struct KnownKeys(pub(super) SrtpProfile);

pub(super) static KNOWN: [KnownKeys; 3] = [
    KnownKeys(SrtpProfile::AES128_CM_SHA1_80),
    KnownKeys(SrtpProfile::AEAD_AES_128_GCM),
    KnownKeys(SrtpProfile::AEAD_AES_256_GCM),
];

pub(super) fn material(profile: SrtpProfile) -> Vec<u8> {
    (0..profile.keying_material_len())
        .map(|at| u8::try_from(at * 37 % 251).unwrap())
        .collect()
}

impl DtlsProvider for KnownKeys {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        Some(crypto::certificate())
    }

    fn new_dtls(
        &self,
        _certificate: &DtlsCert,
        now: Instant,
        _version: DtlsVersion,
        _mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        Ok(Box::new(Agreed {
            profile: self.0,
            is_client: false,
            told: 0,
            never: now + Duration::from_secs(1_000_000),
        }))
    }
}

#[derive(Debug)]
struct Agreed {
    profile: SrtpProfile,
    is_client: bool,
    told: u8,
    never: Instant,
}

impl DtlsInstance for Agreed {
    fn set_active(&mut self, active: bool) {
        self.is_client = active;
    }

    fn handle_packet(&mut self, _packet: &[u8]) -> Result<(), DtlsImplError> {
        Ok(())
    }

    fn poll_output<'a>(&mut self, _buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        self.told = self.told.saturating_add(1);
        match self.told {
            1 => DtlsOutput::KeyingMaterial(
                str0m::config::KeyingMaterial::new(&material(self.profile)),
                self.profile,
            ),
            2 => DtlsOutput::Connected,
            _ => DtlsOutput::Timeout(self.never),
        }
    }

    fn handle_timeout(&mut self, _now: Instant) -> Result<(), DtlsImplError> {
        Ok(())
    }

    fn send_application_data(&mut self, _data: &[u8]) -> Result<usize, DtlsImplError> {
        Ok(0)
    }

    fn is_active(&self) -> bool {
        self.is_client
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        None
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        Ok(())
    }
}

/// Two peer connections on a link without delay.
pub(super) struct Pair {
    now: Instant,
    pub(super) ends: Vec<Rtc>,
    is_connected: [bool; 2],
    /// What the second end sent and received.
    pub(super) sent: Vec<Vec<u8>>,
    pub(super) received: Vec<RtpPacket>,
}

pub(super) const SERVER: usize = 0;
pub(super) const CLIENT: usize = 1;

fn address(end: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 5_000 + u16::try_from(end).unwrap()))
}

impl Pair {
    /// Connects; `build` makes each end.
    pub(super) fn connect(mut build: impl FnMut(Instant) -> Rtc) -> Self {
        let now = crate::test_time::start();
        let mut ends = vec![build(now), build(now)];
        for (index, end) in ends.iter_mut().enumerate() {
            for (at, is_local) in [(index, true), (1 - index, false)] {
                let candidate = Candidate::host(address(at), "udp").unwrap();
                if is_local {
                    end.add_local_candidate(candidate);
                } else {
                    end.add_remote_candidate(candidate);
                }
            }
        }
        let names: Vec<_> = ends
            .iter_mut()
            .map(|end| {
                let api = end.direct_api();
                let fingerprint = api.local_dtls_fingerprint().clone();
                (api.local_ice_credentials(), fingerprint)
            })
            .collect();
        for (index, (end, (credentials, fingerprint))) in
            ends.iter_mut().zip(names.into_iter().rev()).enumerate()
        {
            let mut api = end.direct_api();
            api.set_remote_ice_credentials(credentials);
            api.set_remote_fingerprint(fingerprint);
            api.set_ice_controlling(index == SERVER);
            api.start_dtls(index == CLIENT).unwrap();
            api.declare_media(Mid::from("v"), MediaKind::Video);
        }
        let mut pair = Self {
            now,
            ends,
            is_connected: [false; 2],
            sent: Vec::new(),
            received: Vec::new(),
        };
        for _ in 0..500 {
            pair.run(Duration::from_millis(10));
        }
        assert_eq!(pair.is_connected, [true; 2]);
        pair
    }

    pub(super) fn with_known_keys(known: &'static KnownKeys) -> Self {
        let provider = CryptoProvider {
            dtls_provider: known,
            ..(*crypto::provider()).clone()
        };
        Self::connect(|now| {
            Rtc::builder()
                .set_rtp_mode(true)
                .set_crypto_provider(provider.clone().into())
                .set_fingerprint_verification(false)
                .build(now)
        })
    }

    pub(super) fn run(&mut self, time: Duration) {
        self.now += time;
        for index in [SERVER, CLIENT] {
            self.ends[index]
                .handle_input(Input::Timeout(self.now))
                .unwrap();
            self.drain(index);
        }
    }

    fn drain(&mut self, index: usize) {
        loop {
            match self.ends[index].poll_output().unwrap() {
                Output::Timeout(_) => return,
                Output::Transmit(datagram) => {
                    let bytes: Vec<u8> = datagram.contents.into();
                    if index == CLIENT {
                        self.sent.push(bytes.clone());
                    }
                    self.deliver(1 - index, &bytes);
                }
                Output::Event(Event::Connected) => self.is_connected[index] = true,
                Output::Event(Event::RtpPacket(packet)) if index == CLIENT => {
                    self.received.push(packet);
                }
                Output::Event(_) => {}
            }
        }
    }

    /// Lets a datagram come to one end, as if the other had sent it.
    pub(super) fn deliver(&mut self, to: usize, bytes: &[u8]) {
        let datagram = Receive::new(Protocol::Udp, address(1 - to), address(to), bytes).unwrap();
        self.ends[to]
            .handle_input(Input::Receive(self.now, datagram))
            .unwrap();
        self.drain(to);
    }
}
