//! `bindgen INPUT.wasm FOLDER`: writes the module and what it loads into the folder.

use std::{env, error::Error};

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args_os().skip(1);
    let (Some(input), Some(folder)) = (args.next(), args.next()) else {
        return Err("bindgen INPUT.wasm FOLDER".into());
    };
    Bindgen::new()
        .input_path(input)
        .web(true)?
        .typescript(false)
        .omit_default_module_path(false)
        .generate(folder)?;
    Ok(())
}
