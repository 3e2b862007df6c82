//! Templates, prune and dead letters on a real cluster, each test on a wiped one.

use testkit::search::shared;

macro_rules! on_a_wiped_cluster {
    ($($module:ident::$name:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                let search = shared().lease().await.expect("OpenSearch");
                crate::$module::$name(search.url()).await;
            }
        )+
    };
}

on_a_wiped_cluster! {
    templates::only_what_differs_is_written,
    templates::the_state_index_is_made_too,
    templates::several_at_once_harm_nobody,
    shapes::no_published_event_is_refused,
    shapes::no_stamp_is_refused,
    shapes::free_maps_take_what_comes,
    shapes::the_unrecognized_are_never_refused,
    shapes::every_family_has_the_vocabulary_and_takes_unknown_members,
    message_shapes::members_of_message_events_take_what_comes,
    message_shapes::members_of_message_events_have_their_types,
    near::no_event_near_a_published_one_is_refused,
    templates::indices_of_guessed_types_are_named,
    templates::a_run_warns_of_what_needs_somebody,
    templates::closed_indices_are_looked_at_and_aliases_are_not,
    templates::rivals_are_named,
    prune::only_what_the_plan_said_goes,
    prune::one_that_cannot_go_does_not_keep_the_others,
    prune::families_and_rotations_are_pruned_when_named,
    prune::the_json_of_prune_is_one_document,
    prune::long_plans_go_in_several_requests,
    dead_letters::anything_is_kept_once,
    dead_letters::a_large_letter_is_kept_in_parts,
    dead_letters::a_block_is_waited_for,
}
