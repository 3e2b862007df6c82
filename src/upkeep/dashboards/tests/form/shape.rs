//! Forms of JSON, checked strictly: a member that is not known fails.

use serde_json::Value;

/// What a value must be.
pub enum Shape {
    Text,
    /// Not empty.
    Name,
    Number,
    Truth,
    Null,
    /// An object that is compared elsewhere: the search itself, in `asks`.
    Whole,
    /// One of these words.
    One(&'static [&'static str]),
    /// Text that is JSON of this shape.
    Json(Box<Shape>),
    List(Box<Shape>),
    /// Members that must be there, and members that may.
    Object(Vec<(&'static str, Shape)>, Vec<(&'static str, Shape)>),
    /// Any of the shapes.
    Any(Vec<Shape>),
}

use Shape::{Any, Json, List, Name, Null, Number, Object, One, Text, Truth, Whole};

impl Shape {
    pub fn check(&self, value: &Value, path: &str) -> Result<(), String> {
        let is = match self {
            Text => value.is_string(),
            Name => value.as_str().is_some_and(|text| !text.is_empty()),
            Number => value.is_u64(),
            Truth => value.is_boolean(),
            Null => value.is_null(),
            Whole => value.is_object(),
            One(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Json(inner) => {
                let text = value.as_str().ok_or_else(|| format!("{path}: no text"))?;
                let inside = serde_json::from_str(text).map_err(|error| format!("{path}: {error}"))?;
                return inner.check(&inside, path);
            }
            List(of) => {
                let list = value.as_array().ok_or_else(|| format!("{path}: no list"))?;
                return list.iter().enumerate().try_for_each(|(at, one)| of.check(one, &format!("{path}[{at}]")));
            }
            Object(must, may) => return members(must, may, value, path),
            Any(shapes) => return any(shapes, value, path),
        };
        if is { Ok(()) } else { Err(format!("{path}: {value}")) }
    }
}

fn members(
    must: &[(&'static str, Shape)],
    may: &[(&'static str, Shape)],
    value: &Value,
    path: &str,
) -> Result<(), String> {
    let object = value.as_object().ok_or_else(|| format!("{path}: no object"))?;
    if let Some((name, _)) = must.iter().find(|(name, _)| !object.contains_key(*name)) {
        return Err(format!("{path}: no {name}"));
    }
    for (name, value) in object {
        let known = must.iter().chain(may).find(|(known, _)| known == name);
        let (_, shape) = known.ok_or_else(|| format!("{path}: unknown {name}"))?;
        shape.check(value, &format!("{path}.{name}"))?;
    }
    Ok(())
}

fn any(shapes: &[Shape], value: &Value, path: &str) -> Result<(), String> {
    let errors: Vec<_> = shapes.iter().filter_map(|shape| shape.check(value, path).err()).collect();
    if errors.len() < shapes.len() { Ok(()) } else { Err(errors.join(" | ")) }
}

pub fn json_of(shape: Shape) -> Shape {
    Json(Box::new(shape))
}

pub fn list_of(shape: Shape) -> Shape {
    List(Box::new(shape))
}

/// Lists one after the other.
pub trait ConcatAll<T> {
    fn concat_all(self) -> Vec<T>;
}

impl<T, const N: usize> ConcatAll<T> for [Vec<T>; N] {
    fn concat_all(self) -> Vec<T> {
        self.into_iter().flatten().collect()
    }
}
