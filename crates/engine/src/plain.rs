//! Ciphers that hide nothing and check nothing, for fuzzing, behind the feature `testing`: no release
//! has them.
//!
//! With them whatever a fuzzer invents counts as authentic, so that it reaches what stands behind
//! DTLS, SRTP and STUN's message integrity: SCTP, RTCP, header extensions and our own code. All of it
//! is repeatable, as no key is random.
//!
//! - STUN: a message integrity of 20 zero bytes is right, every other one wrong.
//! - DTLS: any handshake record completes the handshake; application data is the record's plain body.
//! - SRTP and SRTCP: the tag is there, 16 bytes of any value; the payload is plain.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use str0m::config::{CryptoProvider, DtlsCert, DtlsVersion};
use str0m::crypto::dtls::{
    DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, KeyingMaterial, ProtocolVersion,
    SrtpProfile,
};
use str0m::crypto::{
    AeadAes128GcmCipher, CryptoError, Sha1HmacProvider, SrtpProvider, SupportedAeadAes128Gcm,
    SupportedAeadAes256Gcm, SupportedAes128CmSha1_80,
};

/// What stands for the certificate of every peer.
const PEER_CERTIFICATE: &[u8] = b"peer";

/// Bytes of keys and salts for both directions of AEAD-AES-128-GCM (RFC 7714, section 12).
const KEYING_BYTES: usize = 2 * (16 + 12);

const RECORD_HEADER_BYTES: usize = 13;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// No timer of the plain DTLS is ever due.
const NEVER: Duration = Duration::from_hours(24 * 365);

static PLAIN: Plain = Plain;

/// Gives real ciphers where nothing depends on keys, and plain ones elsewhere.
pub(crate) fn provider() -> CryptoProvider {
    let mut provider = str0m::crypto::from_feature_flags();
    provider.dtls_provider = &PLAIN;
    provider.srtp_provider = &PLAIN;
    provider.sha1_hmac_provider = &PLAIN;
    provider
}

#[derive(Debug)]
struct Plain;

impl Sha1HmacProvider for Plain {
    fn sha1_hmac(&self, _key: &[u8], _payloads: &[&[u8]]) -> [u8; 20] {
        [0; 20]
    }
}

impl SrtpProvider for Plain {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        unreachable!("the plain DTLS negotiates AEAD-AES-128-GCM")
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &PLAIN
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        unreachable!("the plain DTLS negotiates AEAD-AES-128-GCM")
    }

    fn srtp_aes_128_ecb_round(&self, _key: &[u8], _input: &[u8], output: &mut [u8]) {
        output.fill(0);
    }

    fn srtp_aes_256_ecb_round(&self, _key: &[u8], _input: &[u8], output: &mut [u8]) {
        output.fill(0);
    }
}

impl SupportedAeadAes128Gcm for Plain {
    fn create_cipher(&self, _key: [u8; 16], _encrypt: bool) -> Box<dyn AeadAes128GcmCipher> {
        Box::new(Plain)
    }
}

impl AeadAes128GcmCipher for Plain {
    fn encrypt(
        &mut self,
        _iv: &[u8; 12],
        _aad: &[u8],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        let (text, tag) = output.split_at_mut(input.len());
        text.copy_from_slice(input);
        tag.fill(0);
        Ok(())
    }

    fn decrypt(
        &mut self,
        _iv: &[u8; 12],
        _aads: &[&[u8]],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize, CryptoError> {
        let length = input.len().saturating_sub(16).min(output.len());
        output[..length].copy_from_slice(&input[..length]);
        Ok(length)
    }
}

impl DtlsProvider for Plain {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        dimpl::certificate::generate_self_signed_certificate().ok()
    }

    fn new_dtls(
        &self,
        _certificate: &DtlsCert,
        now: Instant,
        _version: DtlsVersion,
        _mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        Ok(Box::new(PlainDtls {
            is_active: false,
            is_connected: false,
            is_closing: false,
            never: now + NEVER,
            outputs: VecDeque::new(),
        }))
    }
}

#[derive(Debug)]
enum Waiting {
    Certificate,
    Keys,
    Connected,
    Record(Vec<u8>),
    Data(Vec<u8>),
    Goodbye,
}

#[derive(Debug)]
struct PlainDtls {
    is_active: bool,
    is_connected: bool,
    is_closing: bool,
    never: Instant,
    outputs: VecDeque<Waiting>,
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
    let mut record = vec![kind, 254, 253, 0, 1, 0, 0, 0, 0, 0, 0];
    record.extend(length.to_be_bytes());
    record.extend(body);
    record
}

impl DtlsInstance for PlainDtls {
    fn set_active(&mut self, active: bool) {
        self.is_active = active;
        if active {
            self.outputs
                .push_back(Waiting::Record(record(HANDSHAKE, &[])));
        }
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        let body = packet.get(RECORD_HEADER_BYTES..).unwrap_or_default();
        match packet.first() {
            Some(&HANDSHAKE) if !self.is_connected => {
                self.is_connected = true;
                self.outputs.extend([
                    Waiting::Certificate,
                    Waiting::Keys,
                    Waiting::Connected,
                    Waiting::Record(record(HANDSHAKE, &[])),
                ]);
            }
            Some(&APPLICATION_DATA) if self.is_connected => {
                self.outputs.push_back(Waiting::Data(body.to_vec()));
            }
            Some(&ALERT) if self.is_connected => self.outputs.push_back(Waiting::Goodbye),
            Some(_) | None => {}
        }
        Ok(())
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        let mut copy = |bytes: &[u8]| {
            let length = bytes.len().min(buffer.len());
            buffer[..length].copy_from_slice(&bytes[..length]);
            length
        };
        match self.outputs.pop_front() {
            Some(Waiting::Certificate) => {
                let length = copy(PEER_CERTIFICATE);
                DtlsOutput::PeerCert(&buffer[..length])
            }
            Some(Waiting::Keys) => DtlsOutput::KeyingMaterial(
                KeyingMaterial::new(&[0; KEYING_BYTES]),
                SrtpProfile::AEAD_AES_128_GCM,
            ),
            Some(Waiting::Connected) => DtlsOutput::Connected,
            Some(Waiting::Record(bytes)) => {
                let length = copy(&bytes);
                DtlsOutput::Packet(&buffer[..length])
            }
            Some(Waiting::Data(bytes)) => {
                let length = copy(&bytes);
                DtlsOutput::ApplicationData(&buffer[..length])
            }
            Some(Waiting::Goodbye) => DtlsOutput::CloseNotify,
            None => DtlsOutput::Timeout(self.never),
        }
    }

    fn handle_timeout(&mut self, _now: Instant) -> Result<(), DtlsImplError> {
        Ok(())
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        if !self.is_connected || self.is_closing {
            return Ok(0);
        }
        self.outputs
            .push_back(Waiting::Record(record(APPLICATION_DATA, data)));
        Ok(data.len())
    }

    fn is_active(&self) -> bool {
        self.is_active
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        Some(ProtocolVersion::DTLS1_2)
    }

    fn is_closing(&self) -> bool {
        self.is_closing
    }

    fn is_closed(&self) -> bool {
        self.is_closing && self.outputs.is_empty()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        if !self.is_closing {
            self.is_closing = true;
            self.outputs
                .push_back(Waiting::Record(record(ALERT, &[1, 0])));
        }
        Ok(())
    }
}
