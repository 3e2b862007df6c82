//! A family's shape and its template speak of the same members.

use serde_json::Value;

use crate::event::rewrite::Shape;

/// Every leaf of the template in the file `name` is a scalar of `shape`, every object an object; and the other way
/// round: what the shape names is mapped. Else an event could come that the index refuses.
pub fn agrees(name: &str, shape: &Shape) {
    let text = std::fs::read_to_string(format!("templates/{name}.json")).expect("templates are in the tree");
    let template: Value = serde_json::from_str(&text).expect("JSON");
    properties(name, &template["template"]["mappings"], shape);
}

fn properties(path: &str, mapping: &Value, shape: &Shape) {
    let (members, others) = match shape {
        Shape::Holds(members) => (*members, Shape::Fixed),
        Shape::Flat(members) => (*members, Shape::Plain),
        other => panic!("{path} is an object in the template and {other:?} in the shape"),
    };
    let mapped = mapping["properties"].as_object().expect("properties");
    for (name, mapping) in mapped {
        let shape = members.iter().find(|(member, _)| member == name).map_or(&others, |(_, shape)| shape);
        member(&format!("{path}.{name}"), mapping, shape);
    }
    for (name, _) in members {
        assert!(mapped.contains_key(*name), "{path}.{name} is in the shape and not in the template");
    }
}

fn member(path: &str, mapping: &Value, shape: &Shape) {
    if mapping.get("properties").is_some() {
        return properties(path, mapping, shape);
    }
    match (mapping["type"].as_str().expect("a type"), shape) {
        ("object", Shape::Free | Shape::Fixed) => assert_eq!(mapping["enabled"], false, "{path}"),
        ("object", Shape::Flat([])) => {}
        ("date" | "ip" | "double", Shape::Scalar | Shape::Plain) => {
            assert_eq!(mapping["ignore_malformed"], true, "{path}")
        }
        ("keyword", Shape::Scalar | Shape::Plain) => {
            // The index refuses a text of 32,767 bytes, unless it does not look at it.
            let unseen = mapping["index"] == false && mapping["doc_values"] == false;
            assert!(unseen || mapping["ignore_above"].as_u64().is_some_and(|most| most <= 8191), "{path}");
        }
        (kind, shape) => panic!("{path} is {kind} in the template and {shape:?} in the shape"),
    }
    for (twin, mapping) in mapping["fields"].as_object().into_iter().flatten() {
        assert!(mapping["type"] == "text" || mapping["ignore_above"].is_u64(), "{path}.{twin}");
    }
}
