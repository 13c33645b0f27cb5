//! A PostgreSQL that is away: slow, silent, cut off, stopped. Nobody waits for it longer than allowed, and
//! when it is back all is well without a restart.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::path::Path;
use std::time::{Duration, Instant};

use store::testing::{POSTGRES_VARIABLE, postgres};
use store::{DatabaseConfig, Db, DbError, OpenError, Sql, Url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

const ONE: Sql = Sql::same("SELECT 1 AS one");

/// What an operation may take, and some more for a machine that is busy.
const LIMIT: Duration = Duration::from_millis(2000 + 500);

/// How the way to the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    /// Bytes get lost on it, connections stay.
    Silent,
    /// Connections end, and new ones end at once.
    Cut,
}

/// A way to the test server that can be closed.
struct Proxy {
    port: u16,
    way: watch::Sender<Way>,
}

impl Proxy {
    async fn start(socket: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (way, seen) = watch::channel(Way::Open);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if *seen.borrow() != Way::Cut {
                    tokio::spawn(carry(client, socket.clone(), seen.clone()));
                }
            }
        });
        Self { port, way }
    }
}

/// Carries bytes both ways while the way is open.
async fn carry(mut client: TcpStream, socket: String, mut way: watch::Receiver<Way>) {
    let mut cut = way.clone();
    let mut server = UnixStream::connect(&socket).await.unwrap();
    let (mut up, mut down) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            biased;
            () = async { drop(cut.wait_for(|way| *way == Way::Cut).await) } => return,
            read = client.read(&mut up) => match read {
                Ok(count) if count > 0 => {
                    way.wait_for(|way| *way != Way::Silent).await.unwrap();
                    server.write_all(&up[..count]).await.unwrap();
                }
                _ => return,
            },
            read = server.read(&mut down) => match read {
                Ok(count) if count > 0 => {
                    way.wait_for(|way| *way != Way::Silent).await.unwrap();
                    if client.write_all(&down[..count]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
        }
    }
}

/// A database that is reached by way of the proxy, and what keeps it.
async fn behind_proxy() -> Option<(Db, Proxy, store::testing::TestDb)> {
    let kept = postgres().await?;
    let row = Sql::same("SELECT current_database()::TEXT AS name");
    let name = kept.one(row, &[]).await.unwrap().text("name").unwrap();
    let server = std::env::var(POSTGRES_VARIABLE).unwrap();
    let folder = server.split_once("host=").unwrap().1.replace("%2F", "/");
    let proxy = Proxy::start(format!("{folder}/.s.PGSQL.5432")).await;
    let config = DatabaseConfig {
        url: Url::new(format!(
            "postgres://postgres@127.0.0.1:{}/{name}?sslmode=disable",
            proxy.port
        )),
        connections_max: 3,
        ..DatabaseConfig::default()
    };
    let db = Db::open(&config, Path::new("")).await.unwrap();
    Some((db, proxy, kept))
}

/// Asks six times at once, twice as often as there are connections, and returns how long the slowest took.
async fn ask_while_away(db: &Db) -> Duration {
    let started = Instant::now();
    let asking = (0..6).map(|_| {
        let db = db.clone();
        tokio::spawn(async move { db.one(ONE, &[]).await })
    });
    for asked in asking.collect::<Vec<_>>() {
        let result = asked.await.unwrap();
        assert!(matches!(result, Err(DbError::Unavailable(_))), "{result:?}");
    }
    let begun = db.begin().await;
    assert!(matches!(begun, Err(DbError::Unavailable(_))), "{begun:?}");
    started.elapsed() / 2
}

/// Asks until there is an answer, and returns how long that took.
async fn heals_within(db: &Db) -> Duration {
    let started = Instant::now();
    while db.one(ONE, &[]).await.is_err() {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "it does not heal"
        );
        tokio::task::yield_now().await;
    }
    started.elapsed()
}

#[tokio::test]
async fn a_silent_database_is_unavailable_in_two_seconds_and_heals() {
    let Some((db, proxy, _kept)) = behind_proxy().await else {
        return;
    };
    heals_within(&db).await;
    proxy.way.send(Way::Silent).unwrap();

    let took = ask_while_away(&db).await;

    assert!(took < LIMIT, "{took:?}");
    proxy.way.send(Way::Open).unwrap();
    let healed = heals_within(&db).await;
    assert!(healed < Duration::from_secs(5), "{healed:?}");
}

#[tokio::test]
async fn a_database_that_is_cut_off_is_unavailable_in_two_seconds_and_heals() {
    let Some((db, proxy, _kept)) = behind_proxy().await else {
        return;
    };
    let mut tx = db.begin().await.unwrap();
    proxy.way.send(Way::Cut).unwrap();

    let in_transaction = tx.one(ONE, &[]).await;
    let took = ask_while_away(&db).await;

    assert!(
        matches!(in_transaction, Err(DbError::Unavailable(_))),
        "{in_transaction:?}"
    );
    assert!(took < LIMIT, "{took:?}");
    proxy.way.send(Way::Open).unwrap();
    let healed = heals_within(&db).await;
    assert!(healed < Duration::from_secs(5), "{healed:?}");
}

#[tokio::test]
async fn a_database_that_can_not_be_had_is_named_in_one_clear_line() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    let open = async |url: String| {
        let config = DatabaseConfig {
            url: Url::new(url),
            timeout: Duration::from_millis(300),
            ..DatabaseConfig::default()
        };
        Db::open(&config, Path::new("")).await.unwrap_err()
    };
    let silent = open(format!("postgres://u:canary@127.0.0.1:{port}/d")).await;
    assert!(matches!(silent, OpenError::Slow(300)), "{silent:?}");
    drop(closed);

    let refused = open(format!("postgres://u:canary@127.0.0.1:{port}/d")).await;
    let strange = open("mysql://u:canary@localhost/d".to_owned()).await;

    assert!(matches!(refused, OpenError::Connect(_)), "{refused:?}");
    assert!(matches!(strange, OpenError::Url), "{strange:?}");
    for error in [silent, refused, strange] {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}
