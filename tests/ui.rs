//! What the macros and the client accept, and what is said about what they don't.
//!
//! `TRYBUILD=overwrite cargo test --test ui` writes the `.stderr` files anew; read them as prose
//! before you keep them. Would a newcomer know what to do next?

#[test]
fn programs_that_are_right_compile() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
}

#[test]
fn mistakes_in_hubs_are_told_in_their_own_words() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/hub/*.rs");
}

#[test]
fn mistakes_in_contracts_are_told_in_their_own_words() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/contract/*.rs");
}

#[test]
fn mistakes_in_the_use_of_proxies_are_told_in_their_own_words() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/proxy/*.rs");
}

#[test]
fn mistakes_in_the_use_of_clients_are_told_in_their_own_words() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/client/*.rs");
}

#[test]
fn mistakes_in_receivers_are_told_in_their_own_words() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/receiver/*.rs");
}

#[test]
fn mistakes_in_types_for_dotnet_are_told_in_their_own_words() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/dotnet/*.rs");
}
