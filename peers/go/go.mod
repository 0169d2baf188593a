module syncspec.example/peer

go 1.26

require (
	connectrpc.com/connect v1.20.0
	google.golang.org/protobuf v1.36.11
)
