//! What must hold of any bytes that claim to be an item.

use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use std::sync::LazyLock;
use syncspec::wire::{
    SyncStreamItem,
    decode::{self, ITEM_LEN_BYTES_MAX, Reading},
    descriptor_pool,
};

static ITEM: LazyLock<MessageDescriptor> = LazyLock::new(|| {
    descriptor_pool()
        .get_message_by_name("v1sync.SyncStreamItem")
        .expect("the contract has this message")
});

/// All claims about one input.
pub fn check(bytes: &[u8]) {
    let strict = decode::item_as(bytes, Reading::Strict);
    let deployed = decode::item_as(bytes, Reading::Deployed);
    for error in [strict.as_ref().err(), deployed.as_ref().err()]
        .into_iter()
        .flatten()
    {
        assert!(
            error.offset_bytes <= bytes.len().min(ITEM_LEN_BYTES_MAX),
            "a fault behind the end: {error}"
        );
    }
    if let Ok(item) = &strict {
        what_is_read_strictly_every_reader_reads_alike(bytes, item);
        let deployed = deployed
            .as_ref()
            .expect("the strict reading is the narrower one");
        assert_eq!(item.encode_to_vec(), deployed.encode_to_vec());
    }
    if let Ok(item) = &deployed {
        what_is_kept_both_codecs_read_alike(bytes, item);
        an_encoded_item_reads_back(item);
    }
}

/// Strictly read bytes mean the same to prost and to prost-reflect, neither of which knows of our reading.
fn what_is_read_strictly_every_reader_reads_alike(bytes: &[u8], item: &SyncStreamItem) {
    let by_prost = SyncStreamItem::decode(bytes).expect("prost reads what we read strictly");
    assert_eq!(by_prost.encode_to_vec(), item.encode_to_vec());
    let reflected = DynamicMessage::decode(ITEM.clone(), bytes)
        .expect("prost-reflect reads what we read strictly");
    let by_reflection: SyncStreamItem = reflected.transcode_to().expect("the same message");
    assert_eq!(by_reflection.encode_to_vec(), item.encode_to_vec());
}

/// What is left of bytes that are read as deployed peers do means the same to prost-reflect.
fn what_is_kept_both_codecs_read_alike(bytes: &[u8], item: &SyncStreamItem) {
    let kept = decode::normalize(&ITEM, bytes, Reading::Deployed).expect("it was read");
    let reflected = DynamicMessage::decode(ITEM.clone(), kept.known.as_slice())
        .expect("prost-reflect reads what is left");
    assert_eq!(
        reflected.unknown_fields().count(),
        0,
        "an unknown field is left of {bytes:02x?}"
    );
    let by_reflection: SyncStreamItem = reflected.transcode_to().expect("the same message");
    assert_eq!(by_reflection.encode_to_vec(), item.encode_to_vec());
}

/// An item that we would send reads back as it is, under either reading, and nothing of it is unknown.
fn an_encoded_item_reads_back(item: &SyncStreamItem) {
    let bytes = item.encode_to_vec();
    assert_eq!(bytes.len(), item.encoded_len());
    for reading in [Reading::Strict, Reading::Deployed] {
        let again = decode::item_as(&bytes, reading).expect("an item of our own encoding");
        assert_eq!(again.encode_to_vec(), bytes);
    }
    let kept =
        decode::normalize(&ITEM, &bytes, Reading::Strict).expect("an item of our own encoding");
    assert!(!kept.unknown_seen);
    assert_eq!(kept.known, bytes, "our own encoding is normal already");
}
