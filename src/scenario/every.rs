//! Every deviation that there is, for whoever makes cases up.

use serde::de::DeserializeOwned;

use super::{
    deviation::{
        CiphertextFault, Deviation, EnvelopeFault, Flag, FrameFault, IdentityFault, KeyFault,
        KeyIdFault, NonceFault, PayloadFault, PublicKeyFault, SealFault, SignOver, SignatureFault,
    },
    shape::words_of,
};

/// Numbers in place of a version: none, the ones beside ours, and those that only 32 bits hold alike.
const VERSIONS: [i64; 8] = [0, 1, 2, 4, -1, i32::MAX as i64, (1 << 32) + 3, i64::MAX];

/// Each word of each deviation that takes words, and those that take a number at its borders. Those that take a text are
/// not among them: what they take depends on the case.
pub fn every_deviation() -> Vec<Deviation> {
    let mut all = Vec::new();
    all.extend(words::<KeyFault>().map(Deviation::Key));
    all.extend(words::<KeyFault>().map(Deviation::Encapsulation));
    all.extend(words::<IdentityFault>().map(Deviation::Identity));
    all.extend(words::<PublicKeyFault>().map(Deviation::PublicKey));
    all.extend(words::<KeyIdFault>().map(Deviation::KeyId));
    all.extend(words::<SignatureFault>().map(Deviation::Signature));
    all.extend(words::<SignOver>().map(Deviation::SignOver));
    all.extend(words::<PayloadFault>().map(Deviation::Payload));
    all.extend(words::<SealFault>().map(Deviation::Seal));
    all.extend(words::<NonceFault>().map(Deviation::Nonce));
    all.extend(words::<CiphertextFault>().map(Deviation::Ciphertext));
    all.extend(words::<EnvelopeFault>().map(Deviation::Envelope));
    all.extend(words::<FrameFault>().map(Deviation::Frame));
    all.push(Deviation::KemIdAsPublished(Flag::On));
    all.extend(VERSIONS.map(Deviation::ProtocolVersion));
    let unsigned = VERSIONS
        .iter()
        .filter_map(|version| u32::try_from(*version).ok());
    all.extend(unsigned.map(Deviation::TransportVersion));
    all
}

fn words<T: DeserializeOwned>() -> impl Iterator<Item = T> {
    let words = words_of::<T>().iter();
    words.filter_map(|word| serde_json::from_value(serde_json::Value::from(*word)).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_then_among_them() {
        let all = every_deviation();
        for one in [
            Deviation::Key(KeyFault::PointNotReduced),
            Deviation::Payload(PayloadFault::Unpacked),
            Deviation::SignOver(SignOver::UnhashedInput),
            Deviation::Frame(FrameFault::ByteByByte),
            Deviation::ProtocolVersion(-1),
            // 3 where only 32 bits of it are read.
            Deviation::ProtocolVersion(4_294_967_299),
            Deviation::TransportVersion(0),
        ] {
            assert!(all.contains(&one), "{one:?}");
        }
        let words = words_of::<PayloadFault>().len();
        let payloads = all
            .iter()
            .filter(|one| matches!(one, Deviation::Payload(_)));
        assert_eq!(payloads.count(), words);
    }
}
