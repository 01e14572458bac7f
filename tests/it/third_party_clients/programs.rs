//! Whole relying parties that people wrote with common libraries: the programs of docs/relying-parties.md, which
//! `scripts/test` cuts out of the document and builds, and those of the libraries in its table. All are registered with the
//! document's own client file, so that they get the defaults of a registration.
//!
//! Each is run on one pair of stores, these on the one and those on the other: starting them costs seconds, and what they
//! see is the same.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use reqwest::Method;
use serde_json::Value;
use url::Url;

use crate::support::folder::Folder;
use crate::support::process::free_port;
use crate::support::wait::until;
use crate::support::world::clients_folder;
use crate::support::{Backend, Browser, Person, Step, World, reaper};

/// Where `scripts/test` puts the document's programs.
pub(super) fn built() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/relying-parties")
}

/// The document's block of code in a section, by its language.
pub(super) fn block(section: &str, language: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/relying-parties.md");
    let document = std::fs::read_to_string(path).expect("the document");
    let (heading, fence) = (format!("\n{section}\n"), format!("\n```{language}\n"));
    let from = document.find(&heading).unwrap_or_else(|| panic!("no {section}")) + heading.len();
    let start = document[from..].find(&fence).unwrap_or_else(|| panic!("no {language} in {section}"));
    let code = &document[from + start + fence.len()..];
    code[..=code.find("\n```\n").expect("its end")].to_owned()
}

/// A relying party as a program.
struct Program {
    /// Its name, which is its `client_id` as well.
    name: &'static str,
    command: Command,
    /// Path of its redirect URI.
    callback: &'static str,
    /// Whether it has `/sign-out`.
    signs_out: bool,
}

impl Program {
    fn new(name: &'static str, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(clients_folder());
        // Node 18 has Web Cryptography, but no global name for it.
        if node_is_old() {
            command.env("NODE_OPTIONS", "--experimental-global-webcrypto");
        }
        Self { name, command, callback: "/callback", signs_out: false }
    }

    /// One of the document.
    fn documented(name: &'static str, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Self {
        let mut documented = Self::new(name, program, arguments);
        let folder = built().join(name);
        assert!(folder.is_dir(), "{} is missing; run `scripts/test`", folder.display());
        documented.command.current_dir(folder);
        documented.signs_out = true;
        documented
    }

    fn called_back_at(self, callback: &'static str) -> Self {
        Self { callback, ..self }
    }
}

fn node_is_old() -> bool {
    let version = Command::new("node").arg("--version").output().map(|output| output.stdout);
    version.is_ok_and(|version| version.starts_with(b"v18."))
}

fn python() -> PathBuf {
    clients_folder().join(".venv/bin/python")
}

/// A started program, which ends with its test.
struct Started {
    child: Child,
    log: PathBuf,
}

impl Started {
    fn words(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // The whole group: Apache has children.
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.child.id())]).status();
        let _ = self.child.wait();
        reaper::group_has_ended(self.child.id());
        if std::thread::panicking() {
            eprintln!("what the relying party said:\n{}", self.words());
        }
    }
}

/// Registers a client, with the text of a client file, and gives its secret, if it has one.
pub(super) async fn register(world: &World, folder: &Folder, client_id: &str, text: &str) -> String {
    let file = folder.file("client.toml");
    std::fs::write(&file, text).expect("a client file");
    let said = world.command(&["client", "import", &file.display().to_string()]);
    until("the provider to know the client", async || {
        let url = world.url(&format!("/oidc/authorize?client_id={client_id}"));
        let page = world.browser().get(&url).await.page();
        page.body.contains("redirect_uri is missing").then_some(())
    })
    .await;
    let secret = said.lines().find_map(|line| line.trim().strip_prefix("client_secret"));
    secret.map(|secret| secret.trim().to_owned()).unwrap_or_default()
}

/// Starts a program, as a person would who follows the document.
async fn start(world: &World, folder: &Folder, program: Program, port: u16) -> Started {
    let file = block("## Ten minutes", "toml")
        .replace("kitob-uz", program.name)
        .replace("http://localhost:3000/callback", &format!("http://localhost:3000{}", program.callback))
        .replace(":3000", &format!(":{port}"));
    let secret = register(world, folder, program.name, &file).await;
    assert!(!secret.is_empty(), "no secret was told");
    let log = folder.file("relying-party.log");
    let out = std::fs::File::create(&log).expect("a log");
    let mut command = program.command;
    command
        .env("ISSUER", world.issuer.as_str().trim_end_matches('/'))
        .env("CLIENT_ID", program.name)
        .env("CLIENT_SECRET", secret)
        .env("PORT", port.to_string())
        .stdin(Stdio::null())
        .stdout(out.try_clone().expect("a second handle"))
        .stderr(out)
        // Apache sends signals to its whole group, which must not be that of the tests.
        .process_group(0);
    let child =
        command.spawn().unwrap_or_else(|error| panic!("{}: {error}; run `scripts/test`", program.name));
    reaper::end_group_with_tests(child.id());
    let mut started = Started { child, log };
    // A virtual machine may take its time to begin on a busy one.
    for _ in 0..3000 {
        if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return started;
        }
        if let Some(status) = started.child.try_wait().expect("its state") {
            panic!("{} ended ({status}):\n{}", program.name, started.words());
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{} does not listen:\n{}", program.name, started.words());
}

/// The person's part, from where a relying party sent the browser to where the provider sends it back.
async fn through(browser: &mut Browser, world: &World, url: &Url, person: &Person) -> Url {
    let mut step = browser.get(url).await;
    for _ in 0..5 {
        let page = match step {
            Step::Away(url) => return url,
            Step::Page(page) => page,
        };
        step = if page.has("phone") {
            browser.enter_number(&page, &person.number).await
        } else if page.has("code") {
            let code = world.sandbox.next_code(person).await;
            browser.enter_code(&page, &code).await
        } else {
            browser.allow_everything(&page.expect("allow")).await
        };
    }
    panic!("the sign-in does not end");
}

/// What the program shows at `/`.
async fn shown(at: &Browser, home: &Url) -> Value {
    let answer = at.request(Method::GET, home).send().await.expect("an answer");
    let (status, text) = (answer.status(), answer.text().await.expect("a body"));
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Somebody signs in, is known, and signs out.
async fn sign_in_and_out(backend: Backend, program: Program) {
    let world = World::shared(backend).await;
    let (folder, port, person) = (Folder::new(), free_port(), world.person());
    let (name, signs_out, callback) = (program.name, program.signs_out, program.callback);
    let _started = start(world, &folder, program, port).await;
    let home: Url = format!("http://localhost:{port}/").parse().expect("a URL");
    let (mut browser, mut at) = (world.browser(), Browser::new(&home, port));
    let asked = at.open("/sign-in").await.away();
    assert_eq!(asked.origin(), world.issuer.origin(), "{name}: {asked}");
    let back = through(&mut browser, world, &asked, &person).await;
    assert_eq!(back.path(), callback, "{name}: {back}");
    let Step::Page(page) = at.get(&back).await else { panic!("{name} sends people away again") };
    page.expect_status(200);
    let claims = shown(&at, &home).await;
    assert!(claims["sub"].as_str().is_some_and(|sub| sub.len() > 20), "{name}: {claims}");
    assert_eq!(claims["phone_number"], format!("+{}", person.number), "{name}: {claims}");
    assert!(claims["name"].is_string(), "{name}: {claims}");
    if !signs_out {
        return;
    }
    let leaving = at.open("/sign-out").await.away();
    assert_eq!(leaving.path(), "/oidc/logout", "{name}: {leaving}");
    assert!(crate::support::param(&leaving, "id_token_hint").is_some(), "{name}: {leaving}");
    assert_eq!(browser.get(&leaving).await.away(), home, "{name}");
    assert_eq!(shown(&at, &home).await["sub"], Value::Null, "{name}: signed out here");
    let again = at.open("/sign-in").await.away();
    browser.get(&again).await.page().expect("phone");
}

#[tokio::test]
async fn the_documents_program_in_node_signs_in_and_out() {
    sign_in_and_out(Backend::Embedded, Program::documented("node", "node", &["rp.mjs"])).await;
}

#[tokio::test]
async fn the_documents_program_in_python_signs_in_and_out() {
    sign_in_and_out(Backend::Servers, Program::documented("python", python(), &["rp.py"])).await;
}

#[tokio::test]
async fn the_documents_program_in_go_signs_in_and_out() {
    sign_in_and_out(Backend::Embedded, Program::documented("go", built().join("go/rp"), &[])).await;
}

#[tokio::test]
async fn the_documents_program_in_java_by_spring_boot_signs_in_and_out() {
    // Quick to start, not to run.
    let arguments = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-jar", "target/rp-1.jar"];
    sign_in_and_out(Backend::Servers, Program::documented("java", "java", &arguments)).await;
}

#[tokio::test]
async fn the_documents_site_by_mod_auth_openidc_and_php_signs_in_and_out() {
    let folder = Folder::new();
    let configuration = apache(&folder);
    let arguments = ["-DFOREGROUND", "-f", configuration.to_str().expect("a path")];
    let mut program = Program::documented("php", "/usr/sbin/apache2", &arguments);
    program.command.env("SITE", folder.path()).env("PASSPHRASE", "only-for-this-test-0123456789abcdef");
    sign_in_and_out(Backend::Embedded, program).await;
}

/// What Debian's own configuration does around a site: modules, and who the server is.
fn apache(folder: &Folder) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    // Apache's children are somebody else, who may not enter a private folder.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("a folder");
    let php = std::fs::read_dir("/usr/lib/apache2/modules").expect("Apache's modules; run `scripts/test`");
    let php = php
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .find(|name| name.starts_with("libphp"))
        .expect("PHP for Apache; run `scripts/test`");
    let modules = ["mpm_prefork", "authn_core", "authz_core", "authz_user", "dir", "mime", "auth_openidc"]
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"));
    let here = folder.path().display();
    let site = built().join("php");
    std::fs::copy(site.join("index.php"), folder.file("index.php")).expect("a file");
    let text = format!(
        "ServerRoot {here}\nPidFile {here}/apache.pid\nErrorLog /dev/stderr\nLogLevel info\nTypesConfig /etc/mime.types\n\
         {}LoadModule php_module /usr/lib/apache2/modules/{php}\nMutex posixsem\n\
         User www-data\nGroup www-data\nStartServers 2\nMaxSpareServers 2\nMaxRequestWorkers 4\n\
         <FilesMatch \"\\.php$\">\nSetHandler application/x-httpd-php\n</FilesMatch>\nInclude {}\n",
        modules.concat(),
        site.join("site.conf").display(),
    );
    let file = folder.file("apache.conf");
    std::fs::write(&file, text).expect("a file");
    file
}

#[tokio::test]
async fn passport_openidconnect_of_npm_signs_in() {
    sign_in_and_out(Backend::Servers, Program::new("passport", "node", &["passport_rp.mjs"])).await;
}

#[tokio::test]
async fn auth_js_of_npm_signs_in() {
    let program = Program::new("authjs", "node", &["authjs_rp.mjs"]);
    sign_in_and_out(Backend::Embedded, program.called_back_at("/auth/callback/yagona")).await;
}

#[tokio::test]
async fn mozilla_django_oidc_of_pypi_signs_in() {
    let program = Program::new("django", python(), &["django_rp.py"]);
    sign_in_and_out(Backend::Servers, program.called_back_at("/callback/")).await;
}

#[tokio::test]
async fn flask_oidc_of_pypi_signs_in() {
    let program = Program::new("flask-oidc", python(), &["flask_oidc_rp.py"]);
    sign_in_and_out(Backend::Embedded, program.called_back_at("/authorize")).await;
}

/// What `scripts/test` built is what the document says now.
#[test]
fn the_programs_are_those_of_the_document() {
    for (section, language, file) in [
        ("### Node", "js", "node/rp.mjs"),
        ("### Python", "python", "python/rp.py"),
        ("### Go", "go", "go/main.go"),
        ("### Java", "xml", "java/pom.xml"),
        ("### Java", "yaml", "java/src/main/resources/application.yml"),
        ("### Java", "java", "java/src/main/java/uz/kitob/Application.java"),
        ("### PHP", "apache", "php/site.conf"),
        ("### PHP", "php", "php/index.php"),
    ] {
        let found = std::fs::read_to_string(built().join(file));
        let found = found.unwrap_or_else(|error| panic!("{file}: {error}; run `scripts/test`"));
        assert!(found == block(section, language), "{file} is not the document's; run `scripts/test`");
    }
}
