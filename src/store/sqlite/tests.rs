use super::*;

#[tokio::test]
async fn a_file_keeps_the_promises_of_a_store() {
    let place = tempfile::tempdir().expect("a place");
    let mut opened = Sqlite::open(place.path()).expect("it can be made");
    crate::store::exercise::exercise(&mut opened.store).await;
}
