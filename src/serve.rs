//! `clapt serve`: starts the parts in order and stops them in reverse.

use std::error::Error;
use std::sync::Arc;

use accounts::{Accounts, Clock};
use axum::Router;
use service::http::with_common_layers;
use service::server::{listen, local_port, serve};
use service::telemetry::{Metrics, start_logging};
use service::{Config, Shutdown};
use sfu::SfuConfig;
use signaling::{AllowAll, Signaling};
use tokio::net::TcpListener;

use crate::api::{self, ApiState};
use crate::cli::ServeArguments;
use crate::database;
use crate::security::with_security_headers;
use crate::web;

/// Runs the server until it is asked to stop.
pub(crate) fn run(arguments: &ServeArguments) -> Result<(), Box<dyn Error>> {
    let config = arguments.load()?;
    start_logging(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run_services(Arc::new(config)))
}

async fn run_services(config: Arc<Config>) -> Result<(), Box<dyn Error>> {
    let shutdown = Shutdown::new();
    shutdown.trigger_on_signals()?;
    let metrics = Metrics::new();
    let listeners = listen(&config).await?;
    let db = database::open(&config).await?;
    db.register(metrics.registry())?;
    let url = url(&config, &listeners);

    let media = SfuConfig::new(&config.rtc, &config.room, &config.limit, config.dev);
    let (sfu, shards) = sfu::start(&media, metrics.registry())?;
    let policy = Arc::new(AllowAll);
    let signaling = Signaling::new(sfu, Arc::clone(&config), policy, metrics.registry())?;

    let state = ApiState {
        config: Arc::clone(&config),
        metrics: metrics.clone(),
        shutdown: shutdown.clone(),
    };
    let accounts = Accounts::open(
        db.clone(),
        Arc::clone(&config),
        public_url(&config, &url),
        metrics.registry(),
        Clock::default(),
    )
    .await?;
    let handlers = api::routes(state)
        .merge(signaling.router())
        .merge(accounts::routes(&accounts, metrics.registry())?);
    let router = layered(handlers, &config);
    let http = Shutdown::new();
    let server = serve(
        listeners,
        router,
        &config.limit,
        metrics.registry(),
        http.clone(),
    );
    let stop = async {
        shutdown.triggered().await;
        signaling.shutdown().await;
        http.trigger();
    };
    let setup_link = accounts.setup_link().await?;
    println!("Clapt is ready: {url}");
    if let Some(link) = setup_link {
        // Printed, not logged: whoever has it becomes the owner.
        println!("Set this server up: {link}");
    }
    tokio::join!(server, stop);
    shards.shutdown();
    db.close().await;
    println!("Clapt has stopped.");
    Ok(())
}

/// Returns where browsers find the server: as configured, or else where it listens.
fn public_url<'a>(config: &'a Config, url: &'a str) -> &'a str {
    match config.public_url.as_str() {
        "" => url,
        configured => configured,
    }
}

/// Puts what all routes share around `routes`; what they don't answer goes to the web client.
fn layered(routes: Router, config: &Config) -> Router {
    let complete = routes.fallback(web::fallback);
    with_security_headers(with_common_layers(
        complete,
        config.limit.json_body_bytes_max,
    ))
}

/// Returns where a browser on this machine, or else on the network, finds the server.
fn url(config: &Config, listeners: &[TcpListener]) -> String {
    let port = listeners
        .first()
        .and_then(local_port)
        .unwrap_or(config.port);
    let address = config.bind_addresses.first();
    match address.filter(|ip| !ip.is_unspecified() && !ip.is_loopback()) {
        Some(ip) if ip.is_ipv6() => format!("http://[{ip}]:{port}"),
        Some(ip) => format!("http://{ip}:{port}"),
        None => format!("http://localhost:{port}"),
    }
}
