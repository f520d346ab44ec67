//! The order of the runtime's modules: imports point only to the left.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Each module with those that it may import, itself aside. An import of anything else is a wall moved without a decision.
const LAYERS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("packet", &[]),
    ("hub_error", &["error"]),
    ("protocol", &["error", "hub_error"]),
    ("transport", &["error", "packet"]),
    (
        "connection",
        &["error", "hub_error", "packet", "protocol", "transport"],
    ),
    ("endpoint", &["error", "packet", "connection", "transport"]),
    (
        "raw",
        &["error", "packet", "connection", "transport", "endpoint"],
    ),
    (
        "hub",
        &["error", "hub_error", "packet", "protocol", "connection"],
    ),
    ("backplane", &["error", "connection", "hub"]),
    (
        "server",
        &[
            "error",
            "hub_error",
            "packet",
            "protocol",
            "connection",
            "transport",
            "endpoint",
            "raw",
            "hub",
            "backplane",
        ],
    ),
    // The hub and its macro are for tests alone, whose other end is a server.
    (
        "client",
        &[
            "error",
            "hub_error",
            "packet",
            "protocol",
            "connection",
            "transport",
            "hub",
        ],
    ),
];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../signalr/src")
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a source folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The modules of ours that a file names, by `crate::module` and by the items of `use crate::{…}`.
fn imports(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(group_modules(group)),
            None => found.push(word(rest)),
        }
    }
    found
}

/// The first path segments of a braced import list.
fn group_modules(group: &str) -> Vec<String> {
    let (mut depth, mut items, mut start) = (1, Vec::new(), 0);
    for (at, char) in group.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => {
                items.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        if depth == 0 {
            items.push(&group[start..at]);
            break;
        }
    }
    items
        .iter()
        .map(|item| word(item.trim()))
        .filter(|item| !item.is_empty())
        .collect()
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|char| char.is_alphanumeric() || *char == '_')
        .collect()
}

/// What the crate root re-exports for everybody: types, not modules.
fn is_root_item(name: &str) -> bool {
    name.starts_with(char::is_uppercase) || matches!(name, "hub" | "receiver")
}

#[test]
fn modules_import_only_what_stands_to_their_left() {
    let mut files = Vec::new();
    rust_files(&source(), &mut files);
    assert!(files.len() > 30, "the sources were not found");
    let mut wrong = Vec::new();
    for file in files {
        let path = file.strip_prefix(source()).expect("below the sources");
        let first = path.iter().next().expect("a name").to_string_lossy();
        let module = first.trim_end_matches(".rs").to_owned();
        if matches!(&*module, "lib" | "__bench" | "__private" | "__fuzz") {
            continue;
        }
        let layer = LAYERS.iter().find(|(name, _)| *name == module);
        let (_, allowed) =
            layer.unwrap_or_else(|| panic!("`{module}` has no place in the order of modules"));
        let text = fs::read_to_string(&file).expect("readable");
        for import in imports(&text) {
            let own = import == module;
            let item_of_root = is_root_item(&import) && import != "hub";
            if !own && !item_of_root && !allowed.contains(&&*import) {
                wrong.push(format!("{} imports `{import}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_order_has_no_cycle() {
    for (index, (module, allowed)) in LAYERS.iter().enumerate() {
        for import in *allowed {
            let left = LAYERS[..index].iter().any(|(name, _)| name == import);
            assert!(
                left,
                "`{module}` may import `{import}`, which is not to its left"
            );
        }
    }
}

#[test]
fn files_stay_small() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in [
        "signalr/src",
        "signalr-macros/src",
        "tests/client",
        "tests/it",
        "tests/house",
        "tests/wasm",
        "examples",
    ] {
        rust_files(&root.join(folder), &mut files);
    }
    for file in files {
        let text = fs::read_to_string(&file).expect("readable");
        let code = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("//"))
            .count();
        assert!(code <= 400, "{} has {code} code lines", file.display());
    }
}
