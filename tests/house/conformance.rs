//! `tests/CONFORMANCE.md` counts what the specification asks. Every row is there once, and the tests it names exist.

use std::{collections::BTreeSet, fs, path::Path};

/// The rows that are due so far, by family.
const DUE: &[(&str, u32)] = &[("HP", 90), ("TR", 88), ("SV", 110)];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn list() -> String {
    fs::read_to_string(root().join("tests/CONFORMANCE.md")).expect("the list")
}

/// The cells of each table row, by the row's id.
fn rows(list: &str) -> Vec<(&str, Vec<&str>)> {
    list.lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(str::trim).collect::<Vec<_>>())
        .filter(|cells| {
            cells[0].contains('-') && cells[0].ends_with(|end: char| end.is_ascii_digit())
        })
        .map(|cells| (cells[0], cells))
        .collect()
}

/// All test functions of the workspace as `file stem::name` of Rust, and `file: name` of JavaScript.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in ["signalr/src", "signalr-macros/src", "tests"] {
        visit(&root().join(folder), &mut found);
    }
    found
}

fn visit(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            if name != "node_modules" && name != "target" {
                visit(&path, found);
            }
        } else if name.ends_with(".rs") {
            rust_tests(&path, found);
        } else if name.ends_with(".test.mjs") {
            let text = fs::read_to_string(&path).expect("readable");
            for title in text.split("test(\"").skip(1) {
                let title = title.split('"').next().expect("a first piece");
                found.insert(format!("{name}: {title}"));
            }
        }
    }
}

fn rust_tests(path: &Path, found: &mut BTreeSet<String>) {
    let text = fs::read_to_string(path).expect("readable");
    let stem = match path.file_stem().expect("a name").to_string_lossy() {
        stem if stem == "mod" || stem == "main" => {
            let folder = path.parent().and_then(Path::file_name);
            folder.expect("a folder").to_string_lossy().into_owned()
        }
        stem => stem.into_owned(),
    };
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let marks = ["#[test", "#[tokio::test", "#[apply(both_encodings)]"];
        let is_test = marks.iter().any(|mark| line.starts_with(mark));
        // Property tests carry the attribute too, inside of the macro.
        if !is_test {
            continue;
        }
        let function = lines.find_map(|line| {
            let line = line.strip_prefix("async ").unwrap_or(line);
            line.strip_prefix("fn ")
        });
        if let Some(name) = function.and_then(|line| line.split('(').next()) {
            found.insert(format!("{stem}::{name}"));
        }
    }
}

#[test]
fn every_row_that_is_due_is_listed_once() {
    let list = list();
    let mut ids: Vec<_> = rows(&list).into_iter().map(|(id, _)| id).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "a row is listed twice");
    for (family, last) in DUE {
        for number in 1..=*last {
            let id = format!("{family}-{number}");
            assert!(ids.contains(&&*id), "{id} is missing");
        }
    }
}

#[test]
fn the_tests_that_rows_name_exist() {
    let (list, tests) = (list(), tests());
    let mut wrong = Vec::new();
    for (id, cells) in rows(&list) {
        let [_, what, proof] = cells[..] else {
            panic!("{id} has {} cells instead of 3", cells.len());
        };
        assert!(!what.is_empty(), "{id} says nothing");
        let named: Vec<_> = proof
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| name.contains("::") || name.contains(".test.mjs: "))
            .collect();
        let excused = ["later:", "n/a:", "deviates:"]
            .iter()
            .any(|word| proof.starts_with(word));
        if named.is_empty() && !excused {
            wrong.push(format!("{id} names no test and gives no reason"));
        }
        for name in named {
            if !tests.contains(name) {
                wrong.push(format!("{id} names `{name}`, which does not exist"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
