//! Keys and ciphers that all sessions share.
//!
//! A DTLS configuration takes about a millisecond to build, so there is one of it per process. There is
//! one certificate per engine: clients check it by the fingerprint in our SDP.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use str0m::config::{CryptoProvider, DtlsCert, DtlsVersion};
use str0m::crypto::CryptoError;
use str0m::crypto::dtls::{DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion};

static DTLS: SharedDtls = SharedDtls;
static DTLS_CONFIG: OnceLock<Arc<dimpl::Config>> = OnceLock::new();
static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();

/// Gives the ciphers for all sessions.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    let provider = PROVIDER.get_or_init(|| {
        let mut provider = str0m::crypto::from_feature_flags();
        provider.dtls_provider = &DTLS;
        Arc::new(provider)
    });
    Arc::clone(provider)
}

/// Gives these ciphers to all sessions of the process; `false` if it has some already.
#[cfg(feature = "testing")]
pub(crate) fn install(provider: CryptoProvider) -> bool {
    PROVIDER.set(Arc::new(provider)).is_ok()
}

/// Makes a self-signed certificate (ECDSA P-256).
pub(crate) fn certificate() -> DtlsCert {
    DTLS.generate_certificate()
        .expect("a key pair can be generated")
}

#[derive(Debug)]
struct SharedDtls;

impl DtlsProvider for SharedDtls {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        dimpl::certificate::generate_self_signed_certificate().ok()
    }

    fn new_dtls(
        &self,
        certificate: &DtlsCert,
        now: Instant,
        _version: DtlsVersion,
        _mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        let config = DTLS_CONFIG.get_or_init(|| {
            // ICE has already shown that packets reach the client, so cookies add nothing.
            let config = dimpl::Config::builder().use_server_cookie(false).build();
            Arc::new(config.expect("the default DTLS configuration is valid"))
        });
        // Version 1.2: a 1.3 server takes the client's first SRTP profile, this one prefers GCM.
        let dtls = dimpl::Dtls::new_12(Arc::clone(config), certificate.clone(), now);
        Ok(Box::new(Connection(dtls)))
    }
}

struct Connection(dimpl::Dtls);

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Connection")
    }
}

impl DtlsInstance for Connection {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buffer: &'a mut [u8]) -> DtlsOutput<'a> {
        self.0.poll_output(buffer)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.0.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}
