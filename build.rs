//! Rebuilds the binary when the web client was built anew, since its files are embedded.

use std::path::Path;

const WEB_CLIENT: &str = "web/dist";

fn main() {
    // Cargo takes a missing path as changed, which is right: the folder may appear at any time.
    println!("cargo::rerun-if-changed={WEB_CLIENT}");
    if !Path::new(WEB_CLIENT).join("index.html").exists() {
        println!(
            "cargo::warning=the web client is not built; ./run --build-only builds everything"
        );
    }
}
