//! The HTTP server: accepting connections, with bounds, until told to stop.
//!
//! Invariants:
//! - an address has at most `connections_per_address_max` connections, upgraded ones included;
//!   a further one is closed at once and counted;
//! - a connection that does not send a whole request head in time is closed.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus::{IntCounter, IntGauge, Registry};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::Shutdown;
use crate::config::{Config, LimitConfig};

/// How long requests under way may take to finish once the server is told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// How long accepting pauses when the system has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the server can't listen. Each text is one line for the operator.
#[derive(Debug, Error)]
pub enum ListenError {
    /// Another program has the port.
    #[error(
        "port {port} is taken: another program listens on {address}; stop it or choose another port with --port"
    )]
    Taken {
        /// The port.
        port: u16,
        /// Where it is taken.
        address: SocketAddr,
    },
    /// The system refuses for another reason.
    #[error("listening on {address} failed: {source}")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// Listens on the addresses of `config`, or on those that its mode defaults to.
///
/// Port 0 takes a free port, the same one on all addresses.
///
/// # Errors
///
/// [`ListenError`] for the first address that can't be had.
pub async fn listen(config: &Config) -> Result<Vec<TcpListener>, ListenError> {
    if !config.bind_addresses.is_empty() {
        let mut listeners = Vec::new();
        let mut port = config.port;
        for ip in &config.bind_addresses {
            let listener = bind(SocketAddr::new(*ip, port)).await?;
            port = local_port(&listener).unwrap_or(port);
            listeners.push(listener);
        }
        return Ok(listeners);
    }
    if !config.dev {
        return Ok(vec![
            bind(SocketAddr::from(([0, 0, 0, 0], config.port))).await?,
        ]);
    }
    let v4 = bind(SocketAddr::from(([127, 0, 0, 1], config.port))).await?;
    let port = local_port(&v4).unwrap_or(config.port);
    let v6 = bind(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port))).await;
    // Hosts without IPv6 are common and lack nothing: "localhost" leads to IPv4 there.
    Ok(std::iter::once(v4).chain(v6.ok()).collect())
}

/// Returns the port that `listener` really has.
#[must_use]
pub fn local_port(listener: &TcpListener) -> Option<u16> {
    listener.local_addr().ok().map(|address| address.port())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            let port = address.port();
            ListenError::Taken { port, address }
        } else {
            ListenError::Refused { address, source }
        }
    })
}

/// Answers with `router` on all `listeners` until `shutdown`, then lets requests finish for at
/// most 5 s. Handlers find the peer's address as `ConnectInfo<SocketAddr>`.
pub async fn serve(
    listeners: Vec<TcpListener>,
    router: Router,
    limit: &LimitConfig,
    registry: &Registry,
    shutdown: Shutdown,
) {
    let acceptor = Acceptor {
        router,
        head_timeout: Duration::from_millis(limit.handshake_timeout_ms),
        connections: Connections::new(limit.connections_per_address_max, registry),
        tasks: TaskTracker::new(),
        shutdown,
    };
    let mut loops = tokio::task::JoinSet::new();
    for listener in listeners {
        loops.spawn(acceptor.clone().accept(listener));
    }
    acceptor.shutdown.triggered().await;
    loops.shutdown().await;
    acceptor.tasks.close();
    if tokio::time::timeout(DRAIN, acceptor.tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!("some requests did not finish in time");
    }
}

#[derive(Clone)]
struct Acceptor {
    router: Router,
    head_timeout: Duration,
    connections: Connections,
    tasks: TaskTracker,
    shutdown: Shutdown,
}

impl Acceptor {
    /// Accepts connections until the task is dropped.
    async fn accept(self, listener: TcpListener) {
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::debug!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            if let Some(permit) = self.connections.admit(peer.ip().to_canonical()) {
                // Signalling messages are small and wait for nobody.
                let _ = stream.set_nodelay(true);
                let stream = CountedStream {
                    stream,
                    _permit: permit,
                };
                self.tasks.spawn(self.clone().answer(stream, peer));
            }
        }
    }

    /// Answers the requests of one connection, until it closes or becomes a WebSocket.
    async fn answer(self, stream: CountedStream, peer: SocketAddr) {
        let answer = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            self.router.clone().oneshot(request.map(Body::new))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.head_timeout)
            .serve_connection(TokioIo::new(stream), answer)
            .with_upgrades();
        let mut connection = pin!(connection);
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = self.shutdown.triggered() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            tracing::trace!(%error, "a connection ended early");
        }
    }
}

/// Counts connections by address.
#[derive(Clone)]
struct Connections {
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    per_address_max: usize,
    open: IntGauge,
    refused: IntCounter,
}

impl Connections {
    fn new(per_address_max: usize, registry: &Registry) -> Self {
        let open = IntGauge::new(
            "clapt_http_connections",
            "Open connections, WebSockets included.",
        )
        .expect("the name is valid");
        let refused = IntCounter::new(
            "clapt_http_connections_refused_total",
            "Connections closed because their address had limit.connections_per_address_max.",
        )
        .expect("the name is valid");
        // A second server in one process shares the names; its figures are then not shown.
        let _ = registry.register(Box::new(open.clone()));
        let _ = registry.register(Box::new(refused.clone()));
        Self {
            by_address: Arc::default(),
            per_address_max,
            open,
            refused,
        }
    }

    /// Takes a place for a connection from `ip`; dropping the permit gives it back.
    fn admit(&self, ip: IpAddr) -> Option<Permit> {
        let mut by_address = self
            .by_address
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(ip).or_default();
        if *count >= self.per_address_max {
            self.refused.inc();
            return None;
        }
        *count += 1;
        self.open.inc();
        let connections = self.clone();
        Some(Permit { ip, connections })
    }
}

struct Permit {
    ip: IpAddr,
    connections: Connections,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let by_address = &self.connections.by_address;
        let mut by_address = by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.ip);
            }
        }
        self.connections.open.dec();
    }
}

/// A connection with its permit, which so lives on when the connection becomes a WebSocket.
struct CountedStream {
    stream: TcpStream,
    _permit: Permit,
}

impl AsyncRead for CountedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for CountedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    struct Server {
        address: SocketAddr,
        shutdown: Shutdown,
        task: tokio::task::JoinHandle<()>,
    }

    async fn server(limit: LimitConfig) -> Server {
        let config = Config {
            dev: true,
            port: 0,
            ..Config::default()
        };
        let listeners = listen(&config).await.unwrap();
        let address = listeners[0].local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { "hello" }));
        let shutdown = Shutdown::new();
        let signal = shutdown.clone();
        let task = tokio::spawn(async move {
            serve(listeners, router, &limit, &Registry::new(), signal).await;
        });
        Server {
            address,
            shutdown,
            task,
        }
    }

    /// Sends `text` and returns everything that comes until the server closes.
    async fn exchange(address: SocketAddr, text: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }

    const REQUEST: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let server = server(LimitConfig::default()).await;
        let config = Config {
            dev: true,
            port: server.address.port(),
            ..Config::default()
        };

        let error = listen(&config).await.unwrap_err().to_string();

        let expected = format!("port {} is taken: ", config.port);
        assert!(error.starts_with(&expected), "{error}");
    }

    #[tokio::test]
    async fn a_connection_that_sends_half_a_head_is_closed_in_time() {
        let server = server(LimitConfig {
            handshake_timeout_ms: 50,
            ..LimitConfig::default()
        })
        .await;

        let slow = exchange(server.address, "GET / HTTP/1.1\r\nhost:");
        let answer = tokio::time::timeout(Duration::from_secs(5), slow)
            .await
            .unwrap();

        assert!(!answer.contains("200 OK"), "{answer}");
        assert!(exchange(server.address, REQUEST).await.ends_with("hello"));
    }

    #[tokio::test]
    async fn an_address_has_so_many_connections_and_a_closed_one_makes_room() {
        let connections = Connections::new(2, &Registry::new());
        let (ours, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));

        let first = connections.admit(ours);
        let second = connections.admit(ours);
        assert!(first.is_some() && second.is_some());
        assert!(connections.admit(ours).is_none());
        assert!(connections.admit(other).is_some());
        drop(first);

        assert!(connections.admit(ours).is_some());
        assert_eq!(connections.refused.get(), 1);
        drop(second);
        assert_eq!(connections.open.get(), 0);
        assert!(connections.by_address.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn the_server_ends_when_told_though_a_connection_is_idle() {
        let server = server(LimitConfig::default()).await;
        let _idle = TcpStream::connect(server.address).await.unwrap();
        assert!(exchange(server.address, REQUEST).await.ends_with("hello"));

        server.shutdown.trigger();

        let limit = DRAIN + Duration::from_secs(5);
        tokio::time::timeout(limit, server.task)
            .await
            .unwrap()
            .unwrap();
        assert!(TcpStream::connect(server.address).await.is_err());
    }
}
