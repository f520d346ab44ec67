//! Ids and tokens that nobody can guess.

use std::cell::RefCell;

/// Random bytes of a token.
const LENGTH: usize = 16;
/// For how many tokens the operating system is asked at once: a connection takes two, and a system call costs more than its bytes.
const STOCK: usize = 32;

/// Random bytes of the operating system that were not used yet.
struct Stock {
    tokens: [[u8; LENGTH]; STOCK],
    left: usize,
}

thread_local! {
    static RANDOM: RefCell<Stock> = const {
        RefCell::new(Stock { tokens: [[0; LENGTH]; STOCK], left: 0 })
    };
}

impl Stock {
    /// Bytes that nobody else gets, nor finds here afterwards.
    fn take(&mut self) -> [u8; LENGTH] {
        if self.left == 0 {
            getrandom::fill(self.tokens.as_flattened_mut())
                .expect("the operating system gives random bytes");
            self.left = STOCK;
        }
        self.left -= 1;
        std::mem::take(&mut self.tokens[self.left])
    }
}

/// 16 random bytes as 22 URL-safe characters (TR-10).
pub(super) fn generate() -> String {
    let bytes = RANDOM.with_borrow_mut(Stock::take);
    data_encoding::BASE64URL_NOPAD.encode(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_url_safe_and_differ() {
        let tokens: std::collections::HashSet<_> = (0..1_000).map(|_| generate()).collect();
        assert_eq!(tokens.len(), 1_000);
        for token in tokens {
            assert_eq!(token.len(), 22);
            assert!(
                token
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            );
        }
    }
}
