use serde_json::{Value, json};

use super::*;

mod reading;
mod searching;

#[test]
fn every_definition_is_valid() {
    let all = parse(&super::text(STEPS), &FILES.map(super::text)).unwrap();
    assert_eq!(all.len(), FILES.len());
}

/// A dashboard of one panel over messages.
fn panel(rest: &str) -> Panel {
    let text = format!(
        "id = 'd'\ntitle = 'D'\nabout = ''\n[[panel]]\nid = 'p'\ntitle = 'P'\nquestion = ''\nunit = 'messages'\n\
         caveat = ''\nover = 'messages'\n{rest}"
    );
    parse("sent = 'msg.status:sent'\n", &[&text]).unwrap().remove(0).panels.remove(0)
}

fn refused(rest: &str) -> String {
    let text = format!(
        "id = 'd'\ntitle = 'D'\nabout = ''\n[[panel]]\nid = 'p'\ntitle = 'P'\nquestion = ''\nunit = 'messages'\n\
         caveat = ''\nover = 'messages'\n{rest}"
    );
    parse("", &[&text]).unwrap_err().why
}

#[test]
fn what_is_no_definition_is_refused() {
    let check = |rest: &str, why: &str| {
        let said = refused(rest);
        assert!(said.contains(why), "{rest}: {said}");
    };
    check("chart = 'number'\n", "no measure");
    check("chart = 'events'\n", "show nothing");
    check("chart = 'number'\nmeasures = [{ label = 'a', is = 'count' }]\nquery = '$nobody'\n", "$nobody");
    check("chart = 'table'\nmeasures = [{ label = 'a', is = 'count' }]\n", "has rows");
    check("chart = 'number'\nmeasures = [{ label = 'a', is = 'count', fild = 'x' }]\n", "fild");
    check("chart = 'number'\nmeasures = [{ label = 'a', is = 'counting' }]\n", "counting");
    check("chart = 'number'\nmeasure = 1\n", "measure");
    check(
        "chart = 'line'\nmeasures = [{ label = 'a', is = 'count' }]\nsplits = [{ label = 'a', by = 'terms', field = 'x', size = 1 }]\n",
        "over time",
    );
}

#[test]
fn fields_of_a_query_are_found() {
    let check = |query: &str, expected: &[&str]| {
        assert_eq!(fields(query).into_iter().collect::<Vec<_>>(), expected, "{query}");
    };
    check("msg.status:(sent OR read) AND NOT msg.id:\"a:b c:d\"", &["msg.id", "msg.status"]);
    check("(_exists_:msg.cost AND a.keyword:_email.*)", &["a.keyword", "msg.cost"]);
    check("", &[]);
}
