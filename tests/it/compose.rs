//! What can be known of docker-compose.yml and the Dockerfile without a docker daemon.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_yaml_ng::Value;

/// Keys of the compose specification that the file may use; a misspelt one is what docker would refuse.
const TOP: [&str; 3] = ["name", "services", "volumes"];
const SERVICE: [&str; 16] = [
    "build",
    "cap_drop",
    "command",
    "depends_on",
    "entrypoint",
    "environment",
    "healthcheck",
    "image",
    "ports",
    "read_only",
    "restart",
    "security_opt",
    "stop_grace_period",
    "tmpfs",
    "ulimits",
    "volumes",
];
const HEALTH: [&str; 6] = ["disable", "interval", "retries", "start_period", "test", "timeout"];
const CONDITIONS: [&str; 3] = ["service_completed_successfully", "service_healthy", "service_started"];

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn compose() -> Value {
    let mut file: Value = serde_yaml_ng::from_str(&read("docker-compose.yml")).expect("YAML");
    file.apply_merge().expect("merge keys point at maps");
    file
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_mapping().into_iter().flat_map(|map| map.keys().filter_map(Value::as_str)).collect()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_sequence().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Everything wrong with a compose file, in words.
fn problems(file: &Value) -> Vec<String> {
    let mut found = unknown("the file", keys(file), &TOP);
    let services = &file["services"];
    if keys(services).is_empty() {
        found.push("no services".into());
    }
    for name in keys(services) {
        let service = &services[name];
        found.extend(unknown(name, keys(service), &SERVICE));
        found.extend(unknown(name, keys(&service["healthcheck"]), &HEALTH));
        found.extend(image(service).map(|why| format!("{name}: {why}")));
        found.extend(health(service).map(|why| format!("{name}: {why}")));
        found.extend(dependencies(services, service).into_iter().map(|why| format!("{name}: {why}")));
        let off_loopback = strings(&service["ports"]).into_iter().filter(|port| !port.starts_with("127.0.0.1:"));
        found.extend(
            off_loopback.map(|port| format!("{name}: port {port} is open to the network, without users or TLS")),
        );
        let volumes = strings(&service["volumes"]).into_iter().filter_map(|volume| volume.split(':').next());
        let undeclared =
            volumes.filter(|volume| !volume.starts_with(['.', '/']) && !keys(&file["volumes"]).contains(volume));
        found.extend(undeclared.map(|volume| format!("{name}: volume {volume} is not declared")));
    }
    found
}

fn unknown(of: &str, keys: Vec<&str>, known: &[&str]) -> Vec<String> {
    keys.into_iter().filter(|key| !known.contains(key)).map(|key| format!("{of}: unknown key {key}")).collect()
}

fn image(service: &Value) -> Option<String> {
    let Some(image) = service["image"].as_str() else {
        return Some("no image".into());
    };
    if !service["build"].is_null() {
        return None; // built here
    }
    let tag = image.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
    match tag {
        Some(tag) if tag.chars().filter(|c| *c == '.').count() >= 2 => None,
        _ => Some(format!("image {image} is not pinned to a whole version")),
    }
}

fn health(service: &Value) -> Option<String> {
    let check = &service["healthcheck"];
    if check.is_null() || check["disable"] == true {
        return None;
    }
    match strings(&check["test"]).first() {
        Some(&("CMD" | "CMD-SHELL")) => None,
        _ => Some("its health check is not a list that begins with CMD or CMD-SHELL".into()),
    }
}

fn dependencies(services: &Value, service: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for target in keys(&service["depends_on"]) {
        let condition = service["depends_on"][target]["condition"].as_str().unwrap_or_default();
        let other = &services[target];
        // The image that is built here has a health check of its own (see `the_image_...` below).
        let has_check = other["healthcheck"]["disable"] != true
            && (!other["healthcheck"]["test"].is_null() || !other["build"].is_null());
        let why = match condition {
            _ if other.is_null() => "which is no service",
            unknown if !CONDITIONS.contains(&unknown) => "under a condition that does not exist",
            "service_healthy" if !has_check => "being healthy, which nothing checks",
            "service_completed_successfully" if other["restart"] != "no" => "ending, but it is started again",
            _ => continue,
        };
        found.push(format!("depends on {target} {why}"));
    }
    found
}

#[test]
fn the_compose_file_is_sound() {
    let found = problems(&compose());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_check_finds_what_it_is_for() {
    let check = |yaml: &str, expected: &str| {
        let found = problems(&serde_yaml_ng::from_str(yaml).expect("YAML"));
        assert!(found.iter().any(|why| why.contains(expected)), "nothing of {expected:?} in {found:?}");
    };
    check("services: {}", "no services");
    check("servces: {}", "unknown key servces");
    check("services: {a: {image: x:1.2.3, comand: y}}", "unknown key comand");
    check("services: {a: {image: x}}", "not pinned");
    check("services: {a: {image: x:latest}}", "not pinned");
    check("services: {a: {image: x:1.2.3, ports: ['9200:9200']}}", "open to the network");
    check("services: {a: {image: x:1.2.3, volumes: ['v:/v']}}", "volume v is not declared");
    check("services: {a: {image: x:1.2.3, healthcheck: {test: 'true'}}}", "not a list");
    check("services: {a: {image: x:1.2.3, depends_on: {b: {condition: service_started}}}}", "no service");
    let two = |condition: &str| {
        format!(
            "services: {{a: {{image: x:1.2.3, depends_on: {{b: {{condition: {condition}}}}}}}, b: {{image: x:1.2.3}}}}"
        )
    };
    check(&two("service_healthy"), "which nothing checks");
    check(&two("service_completed_successfully"), "started again");
    check(&two("service_fine"), "does not exist");
}

#[test]
fn everything_the_issue_names_is_there() {
    let file = compose();
    let images: Vec<&str> =
        keys(&file["services"]).iter().filter_map(|n| file["services"][*n]["image"].as_str()).collect();
    for part in ["opensearchproject/opensearch:", "opensearchproject/opensearch-dashboards:", "kinesis", "essink"] {
        assert!(images.iter().any(|image| image.contains(part)), "no {part} in {images:?}");
    }
    // Dashboards must be of the cluster's own version.
    let version =
        |of: &str| file["services"][of]["image"].as_str().and_then(|i| i.rsplit(':').next()).map(str::to_owned);
    assert_eq!(version("opensearch"), version("dashboards"));
}

#[test]
fn essink_understands_what_the_file_tells_it() {
    let file = compose();
    let service = &file["services"]["essink"];
    let variable = |key| (key, service["environment"][key].as_str().expect("a string: YAML makes 0 a number"));
    let mut config = Command::new(env!("CARGO_BIN_EXE_essink"));
    config.arg("config").env_clear().envs(keys(&service["environment"]).into_iter().map(variable));
    let output = config.output().expect("essink starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "a warning");
    assert!(String::from_utf8_lossy(&output.stdout).contains("http://opensearch:9200"));

    // Nothing listens there: 69 is "unavailable", where 64 would be a command line that is wrong.
    let mut install = Command::new(env!("CARGO_BIN_EXE_essink"));
    let command = strings(&file["services"]["install-dashboards"]["command"]);
    install.args(command.iter().map(|arg| arg.replace("dashboards:5601", "127.0.0.1:1"))).env_clear();
    let output = install.output().expect("essink starts");
    assert_eq!(output.status.code(), Some(69), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A stream that forgets and positions that do not: the second `up` would ask for records of the first.
#[test]
fn positions_do_not_outlive_the_stream() {
    let file = compose();
    let essink = &file["services"]["essink"];
    assert!(file["services"]["kinesis"]["volumes"].is_null(), "its stream is kept: positions may be kept too");
    let state = essink["environment"]["ESSINK_STATE"].as_str().and_then(|state| state.strip_prefix("file:"));
    let gone: Vec<_> = strings(&essink["tmpfs"]);
    assert!(
        state.is_some_and(|path| gone.iter().any(|dir| path.starts_with(&format!("{dir}/")))),
        "{state:?} {gone:?}"
    );
}

#[test]
fn the_image_is_pinned_does_not_run_as_root_and_has_the_projects_toolchain() {
    let dockerfile = read("Dockerfile");
    let last_stage = dockerfile.rsplit("\nFROM ").next().expect("stages");
    let user = last_stage.lines().find_map(|line| line.strip_prefix("USER ")).expect("a user");
    assert!(user.split(':').next().and_then(|id| id.parse::<u32>().ok()).is_some_and(|id| id > 0), "{user}");
    for from in dockerfile.lines().filter_map(|line| line.strip_prefix("FROM ")) {
        let image = from.split(' ').next().expect("an image");
        assert!(image.split_once(':').is_some_and(|(_, tag)| tag.contains('.')), "{image} is not pinned");
    }
    let toolchain = read("rust-toolchain.toml");
    let channel = toolchain.split('"').nth(1).expect("a channel");
    assert!(
        dockerfile.contains(&format!("FROM rust:{channel}-")) && dockerfile.contains(&format!("TOOLCHAIN={channel}\n"))
    );
}

#[test]
fn the_image_is_built_from_everything_the_build_reads() {
    let ignored: BTreeSet<String> = read(".dockerignore").lines().map(str::to_owned).collect();
    // Targets that the manifest declares must be there even when they are not built: a test is one of them.
    let needed =
        ["Cargo.toml", "Cargo.lock", "src", "testkit", "templates", "dashboards", "benches", "examples", "tests"];
    for needed in needed {
        assert!(!ignored.contains(needed), "{needed} is ignored");
    }
}

/// The health check as docker runs it, asking another port.
fn ask_live(port: u16) -> bool {
    let dockerfile = read("Dockerfile").replace("\\\n", " ");
    let line = dockerfile.lines().find(|line| line.starts_with("HEALTHCHECK ")).expect("a health check").to_owned();
    let command: Vec<String> = serde_json::from_str(line.split_once("CMD ").expect("CMD").1).expect("the exec form");
    let script = command[2].replace("9464", &port.to_string());
    let mut shell = Command::new(&command[0]);
    shell.args([&command[1], &script]).stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::null());
    shell.status().expect("bash starts").success()
}

#[test]
fn the_health_check_believes_only_a_200() {
    let check = |answer: &'static str, expected: bool| {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            // All of the request first: closing on unread bytes resets the connection, and the answer may be lost.
            let mut request = [0; "GET /live HTTP/1.0\r\n\r\n".len()];
            stream.read_exact(&mut request).expect("a request");
            stream.write_all(answer.as_bytes()).expect("written");
        });
        assert_eq!(ask_live(port), expected, "{answer}");
        server.join().expect("the server ends");
        assert!(!ask_live(port), "nobody listens");
    };
    check("HTTP/1.0 200 OK\r\n\r\n", true);
    check("HTTP/1.1 503 Service Unavailable\r\n\r\n", false);
    check("", false);
}

/// The real thing, where docker's client is: it needs no daemon. Where it is not, the checks above are what there is.
#[test]
fn docker_accepts_the_file_if_it_can_be_asked() {
    let compose = |args: &[&str]| Command::new("docker").arg("compose").args(args).output();
    if !compose(&["version"]).is_ok_and(|output| output.status.success()) {
        eprintln!("docker compose is not installed: the file was checked by this project's rules only");
        return;
    }
    let output = compose(&["--file", "docker-compose.yml", "config", "--quiet"]).expect("docker compose starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
