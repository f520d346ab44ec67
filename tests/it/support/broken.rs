//! Messages that break the protocol.

/// What breaks the protocol, with the text that detailed errors add.
pub const BROKEN: &[(&str, &str)] = &[
    (
        "null",
        "Unexpected JSON Token Type 'Null'. Expected a JSON Object.",
    ),
    (
        r#""foo""#,
        "Unexpected JSON Token Type 'String'. Expected a JSON Object.",
    ),
    (
        "42",
        "Unexpected JSON Token Type 'Number'. Expected a JSON Object.",
    ),
    (
        "-1.5",
        "Unexpected JSON Token Type 'Number'. Expected a JSON Object.",
    ),
    (
        "[42]",
        "Unexpected JSON Token Type 'Array'. Expected a JSON Object.",
    ),
    (
        "true",
        "Unexpected JSON Token Type 'True'. Expected a JSON Object.",
    ),
    (
        "false",
        "Unexpected JSON Token Type 'False'. Expected a JSON Object.",
    ),
    ("", "Error reading JSON."),
    (" ", "Error reading JSON."),
    ("nonsense", "Error reading JSON."),
    (r#"{"type":6"#, "Error reading JSON."),
    (r#"{"type":6,}"#, "Error reading JSON."),
    (r#"{'type':6}"#, "Error reading JSON."),
    (r#"{"type":6/* comment */}"#, "Error reading JSON."),
    (
        r#"{"type":1,"invocationId":"42","target":"foo","arguments":[[}]}"#,
        "Error reading JSON.",
    ),
    (
        r#"{"type":1,"target":"\x","arguments":[]}"#,
        "Error reading JSON.",
    ),
    (
        r#"{"type":3,"invocationId":"42","result":true"#,
        "Error reading JSON.",
    ),
    ("{}", "Missing required property 'type'."),
    (r#"{"Type":6}"#, "Missing required property 'type'."),
    (
        r#"{"invocationId":"2","target":"note","arguments":["x"]}"#,
        "Missing required property 'type'.",
    ),
    (r#"{"type":"foo"}"#, "Expected 'type' to be of type Number."),
    (r#"{"type":"1"}"#, "Expected 'type' to be of type Number."),
    (r#"{"type":null}"#, "Expected 'type' to be of type Number."),
    (r#"{"type":[1]}"#, "Expected 'type' to be of type Number."),
    (
        r#"{"type":1,"headers":{"Foo": 42},"target":"test",arguments:[]}"#,
        "Expected header 'Foo' to be of type String.",
    ),
    (
        r#"{"type":1,"headers":{"Foo": true},"target":"test",arguments:[]}"#,
        "Expected header 'Foo' to be of type String.",
    ),
    (
        r#"{"type":1,"headers":{"Foo": null},"target":"test",arguments:[]}"#,
        "Expected header 'Foo' to be of type String.",
    ),
    (
        r#"{"type":1,"headers":{"Foo": []},"target":"test",arguments:[]}"#,
        "Expected header 'Foo' to be of type String.",
    ),
    (
        r#"{"type":1,"headers":[],"target":"note","arguments":[""]}"#,
        "Expected 'headers' to be of type StartObject.",
    ),
    (
        r#"{"type":1,"headers":null,"target":"note","arguments":[""]}"#,
        "Expected 'headers' to be of type StartObject.",
    ),
    (r#"{"type":1}"#, "Missing required property 'target'."),
    (
        r#"{"type":1,"invocationId":42}"#,
        "Expected 'invocationId' to be of type String.",
    ),
    (
        r#"{"type":1,"invocationId":null,"target":"note","arguments":[""]}"#,
        "Expected 'invocationId' to be of type String.",
    ),
    (
        r#"{"type":1,"invocationId":"42"}"#,
        "Missing required property 'target'.",
    ),
    (
        r#"{"type":1,"invocationId":"42","target":42}"#,
        "Expected 'target' to be of type String.",
    ),
    (
        r#"{"type":1,"target":null,"arguments":[]}"#,
        "Expected 'target' to be of type String.",
    ),
    (
        r#"{"type":1,"target":"","arguments":[]}"#,
        "Missing required property 'target'.",
    ),
    (
        r#"{"type":1,"invocationId":"42","target":"foo"}"#,
        "Missing required property 'arguments'.",
    ),
    (
        r#"{"type":1,"invocationId":"42","target":"foo","arguments":{}}"#,
        "Expected 'arguments' to be of type Array.",
    ),
    (
        r#"{"type":1,"invocationId":"42","target":"foo","arguments":null}"#,
        "Expected 'arguments' to be of type Array.",
    ),
    (
        r#"{"type":1,"arguments":[1,"",{"1":1,"2":2}]},"invocationId":"42","target":"foo""#,
        "Missing required property 'target'.",
    ),
    (
        r#"{"type":1,"target":"note","arguments":[],"streamIds":null}"#,
        "Expected 'streamIds' to be of type Array.",
    ),
    (
        r#"{"type":1,"target":"note","arguments":[],"streamIds":"1"}"#,
        "Expected 'streamIds' to be of type Array.",
    ),
    (
        r#"{"type":1,"target":"note","arguments":[],"streamIds":["1",null]}"#,
        "Null value for 'streamIds' is not valid.",
    ),
    (r#"{"type":2}"#, "Missing required property 'invocationId'."),
    (
        r#"{"type":2,"invocationId":""}"#,
        "Missing required property 'invocationId'.",
    ),
    (
        r#"{"type":2,"invocationId":42}"#,
        "Expected 'invocationId' to be of type String.",
    ),
    (
        r#"{"type":2,"invocationId":"42"}"#,
        "Missing required property 'item'.",
    ),
    (r#"{"type":3}"#, "Missing required property 'invocationId'."),
    (
        r#"{"type":3,"invocationId":42}"#,
        "Expected 'invocationId' to be of type String.",
    ),
    (
        r#"{"type":3,"invocationId":"42","error":[]}"#,
        "Expected 'error' to be of type String.",
    ),
    (
        r#"{"type":3,"invocationId":"42","error":null}"#,
        "Expected 'error' to be of type String.",
    ),
    (
        r#"{"type":3,"invocationId":"42","error":"foo","result":true}"#,
        "The 'error' and 'result' properties are mutually exclusive.",
    ),
    (
        r#"{"type":3,"invocationId":"42","error":"","result":null}"#,
        "The 'error' and 'result' properties are mutually exclusive.",
    ),
    (r#"{"type":4}"#, "Missing required property 'target'."),
    (
        r#"{"type":4,"invocationId":42}"#,
        "Expected 'invocationId' to be of type String.",
    ),
    (
        r#"{"type":4,"invocationId":"42","target":42}"#,
        "Expected 'target' to be of type String.",
    ),
    (
        r#"{"type":4,"invocationId":"42","target":"foo"}"#,
        "Missing required property 'arguments'.",
    ),
    (
        r#"{"type":4,"invocationId":"42","target":"foo","arguments":{}}"#,
        "Expected 'arguments' to be of type Array.",
    ),
    (
        r#"{"type":4,"target":"foo","arguments":[]}"#,
        "Missing required property 'invocationId'.",
    ),
    (
        r#"{"type":4,"invocationId":"","target":"foo","arguments":[]}"#,
        "Missing required property 'invocationId'.",
    ),
    (r#"{"type":5}"#, "Missing required property 'invocationId'."),
    (
        r#"{"type":5,"invocationId":""}"#,
        "Missing required property 'invocationId'.",
    ),
    (
        r#"{"type":6,"target":1}"#,
        "Expected 'target' to be of type String.",
    ),
    (
        r#"{"type":7,"error":1}"#,
        "Expected 'error' to be of type String.",
    ),
    (
        r#"{"type":7,"allowReconnect":1}"#,
        "Expected 'allowReconnect' to be true or false.",
    ),
    (
        r#"{"type":7,"allowReconnect":"true"}"#,
        "Expected 'allowReconnect' to be true or false.",
    ),
    (
        r#"{"type":7,"allowReconnect":null}"#,
        "Expected 'allowReconnect' to be true or false.",
    ),
    (r#"{"type":8}"#, "Missing required property 'sequenceId'."),
    (
        r#"{"type":8,"sequenceId":null}"#,
        "Missing required property 'sequenceId'.",
    ),
    (
        r#"{"type":8,"sequenceId":true}"#,
        "Expected 'sequenceId' to be of type Number.",
    ),
    (r#"{"type":9}"#, "Missing required property 'sequenceId'."),
    (
        r#"{"type":9,"sequenceId":"value"}"#,
        "Expected 'sequenceId' to be of type Number.",
    ),
];

/// The same in MessagePack, beside the reference's own vectors: bodies in hexadecimal.
pub const BROKEN_MESSAGEPACK: &[(&str, &str)] = &[
    ("", "Error reading MessagePack."),
    ("c0", "Error reading MessagePack."),
    ("c1", "Error reading MessagePack."),
    ("06", "Error reading MessagePack."),
    ("81 06 06", "Error reading MessagePack."),
    ("dc 00", "Error reading MessagePack."),
    ("90", "Reading 'messageType' as Int32 failed."),
    ("91 c0", "Reading 'messageType' as Int32 failed."),
    (
        "91 ca 40 c0 00 00",
        "Reading 'messageType' as Int32 failed.",
    ),
    (
        "91 cf 00 00 00 01 00 00 00 06",
        "Reading 'messageType' as Int32 failed.",
    ),
    ("92 01 c0", "Reading map length for 'headers' failed."),
    ("92 05 90", "Reading map length for 'headers' failed."),
    ("95 02 81 c0 a1 62 a1 31 c0", "Null or empty key in header."),
    (
        "95 02 81 a1 61 c0 a1 31 c0",
        "Null or empty value in header.",
    ),
    (
        "95 02 82 a1 61 a1 62 a1 61 a1 62 a1 31 c0",
        "Repeated key in header.",
    ),
    (
        "95 01 80 2a a1 54 90",
        "Reading 'invocationId' as String failed.",
    ),
    (
        "95 01 80 a2 ff fe a1 54 90",
        "Reading 'invocationId' as String failed.",
    ),
    (
        "95 01 80 c0 c0 90",
        "Null or empty target for Invocation message.",
    ),
    (
        "95 04 80 c0 a1 54 90",
        "Null or empty invocation ID for StreamInvocation message.",
    ),
    (
        "96 01 80 c0 a1 54 90 2a",
        "Reading array length for 'streamIds' failed.",
    ),
    (
        "96 01 80 c0 a1 54 90 91 2a",
        "Reading 'streamIds' as String failed.",
    ),
    (
        "96 01 80 c0 a1 54 90 91 c0",
        "Null or empty value in streamIds received.",
    ),
    ("94 03 80 a1 31 c0", "Reading 'resultKind' as Int32 failed."),
    ("94 03 80 a1 31 00", "Invalid invocation result kind."),
    ("94 03 80 a1 31 04", "Invalid invocation result kind."),
    ("91 07", "Reading 'error' as String failed."),
    ("92 07 2a", "Reading 'error' as String failed."),
    ("93 07 c0 c0", "Reading 'allowReconnect' as Boolean failed."),
    ("93 07 c0", "Reading 'allowReconnect' as Boolean failed."),
    ("92 08 a1 31", "Reading 'sequenceId' as Int64 failed."),
    (
        "92 08 cf 80 00 00 00 00 00 00 00",
        "Reading 'sequenceId' as Int64 failed.",
    ),
    (
        "92 09 cb 3f f0 00 00 00 00 00 00",
        "Reading 'sequenceId' as Int64 failed.",
    ),
];
