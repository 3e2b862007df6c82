//! What a family's shape protects is what its template maps.

use super::*;

/// Fails unless every member that `template` gives a type for single values is held to them, every object with members
/// of given types holds nothing else, and the shape names nothing that is not mapped.
pub fn check(template: &str, shape: &Shape) {
    let template: Value = serde_json::from_str(template).expect("JSON");
    let properties = template["template"]["mappings"]["properties"].as_object().expect("properties");
    let Shape::Holds(members) = shape else { panic!("{shape:?}") };
    for (name, mapping) in properties {
        let shape = members.iter().find(|(member, _)| member == name).map(|(_, shape)| shape);
        let fits = match (mapping["type"].as_str(), mapping["properties"].as_object()) {
            // Nothing in it is looked at: it takes what comes.
            (Some("object"), None) => mapping["enabled"] == false,
            (None, Some(_)) => mapping["dynamic"] == false && matches!(shape, Some(Shape::Free)),
            _ => matches!(shape, Some(Shape::Scalar)),
        };
        assert!(fits, "{name}: {mapping} {shape:?}");
    }
    for (name, _) in *members {
        assert!(properties.contains_key(*name), "{name} is not mapped");
    }
}
