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
