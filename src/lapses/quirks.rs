//! Ways of being unusual that break no rule: what turns red against one of them is a false alarm.

macro_rules! quirks {
    ($($name:ident = $id:literal, $doc:literal;)+) => {
        /// One way of being unusual without being wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Quirk {
            $(#[doc = $doc] $name,)+
        }

        #[cfg(feature = "self-test")]
        impl Quirk {
            /// Every one.
            pub const ALL: &[Quirk] = &[$(Quirk::$name,)+];

            /// The name used on the command line and in reports.
            pub fn id(self) -> &'static str {
                match self { $(Quirk::$name => $id,)+ }
            }

            /// What such a peer does, in one line.
            pub fn doc(self) -> &'static str {
                match self { $(Quirk::$name => $doc,)+ }
            }
        }

        #[cfg(feature = "self-test")]
        pub(super) const COUNT: usize = Quirk::ALL.len();
    };
}

#[rustfmt::skip]
quirks! {
    Slow = "slow", "Waits 20 ms before each item and each ending.";
    Chatty = "chatty", "Sends a heartbeat after each item it receives.";
    EagerHeartbeats = "eager-heartbeats", "Sends a heartbeat before its config, each time.";
    RepeatsItself = "repeats-itself", "Sends its config twice; a host its resources too.";
    OtherOrderOfLists = "other-order-of-lists", "Lists repos and plans the other way round.";
    OtherOrderOfStates = "other-order-of-states", "Tells of its peers the other way round.";
    UnknownFields = "unknown-fields", "Adds an unknown field to each sealed item.";
    UnpackedNumbers = "unpacked-numbers", "Writes the ids it asks for unpacked.";
    OtherCodes = "other-codes", "Ends refused dialogues with UNKNOWN, whatever the reason.";
    SilentStatus = "silent-status", "Ends streams with an empty status message.";
    LongStatus = "long-status", "Ends streams with a long status message in several scripts.";
    Gzip = "gzip", "Compresses what it sends where the caller offers it.";
    SmallWindows = "small-windows", "Grants HTTP/2 windows of 1 KiB.";
    SplitFrames = "split-frames", "Splits messages over many HTTP/2 frames.";
    OneByteWrites = "one-byte-writes", "Writes to its socket byte by byte, 512 at a time.";
    SmallBatches = "small-batches", "Sends the operations it is asked for one at a time.";
    LargeIds = "large-ids", "Numbers what it stores from 2^62 on.";
    ExtraHeaders = "extra-headers", "Sends headers of its own with each answer.";
}
