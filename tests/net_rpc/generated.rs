//! tonic's generated clients: an independent check of what our own links see.

use super::*;

#[tokio::test]
async fn generated_sync_client_then_same_dialogue_and_statuses() {
    let server = Server::new().await;
    let mut client = BackrestSyncServiceClient::connect(server.url())
        .await
        .unwrap()
        .send_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Gzip);
    let items = stream::iter([throttle(1), throttle(2)]);
    let answers = client.sync(items).await.unwrap().into_inner();
    let answers: Vec<_> = answers.map(Result::unwrap).collect().await;
    assert_eq!(answers, [throttle(1), throttle(2)]);

    let items = stream::iter([ask(FLOOD)]).chain(stream::pending());
    let answers = client.sync(items).await.unwrap().into_inner();
    let mut answers: Vec<_> = in_time(answers.collect()).await;
    let status = answers.pop().unwrap().unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert_eq!(answers.len() as i64, FLOOD_ITEMS);

    let mut request = tonic::Request::new(stream::pending());
    request.set_timeout(DEADLINE);
    let mut answers = client.sync(request).await.unwrap().into_inner();
    let status = in_time(answers.message()).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::DeadlineExceeded);
}

#[tokio::test]
async fn generated_state_client_then_answers_and_statuses() {
    let server = Server::new().await;
    let mut client = BackrestSyncStateServiceClient::connect(server.url())
        .await
        .unwrap();
    client
        .set_remote_client_config(set_config("ed25519.x"))
        .await
        .unwrap();
    let refused = client.set_remote_client_config(set_config(REFUSE)).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::NotFound);

    let states = SyncStateStreamRequest::default();
    let mut states = client
        .get_peer_sync_states_stream(states)
        .await
        .unwrap()
        .into_inner();
    let status = states.message().await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unauthenticated);
}
