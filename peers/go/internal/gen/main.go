// Command gen writes the Go types of the wire contract from this repository's own .proto files, with neither protoc nor
// buf: protocompile parses, protoc-gen-go runs as a library.
//
//	go run . ../../../../proto ..
//
// It is a module of its own, so that building the peer needs no compiler of .proto files.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/cmd/protoc-gen-go/internal_gengo"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

const module = "syncspec.example/peer/internal"

// In order of dependency, as a plugin's request wants them.
var files = []string{
	"types/value.proto", "v1/crypto.proto", "v1/restic.proto", "v1/config.proto", "v1/operations.proto", "v1sync/syncservice.proto",
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: gen PROTO_DIR OUT_DIR")
		os.Exit(2)
	}
	if err := generate(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func generate(protoDir, outDir string) error {
	compiler := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{protoDir}}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	compiled, err := compiler.Compile(context.Background(), files...)
	if err != nil {
		return err
	}
	request := &pluginpb.CodeGeneratorRequest{FileToGenerate: files, Parameter: proto.String("module=" + module)}
	for _, file := range compiled {
		description := protodesc.ToFileDescriptorProto(file)
		// The contract names no Go package: that is this peer's own affair.
		description.Options = &descriptorpb.FileOptions{
			GoPackage: proto.String(module + "/pb/" + filepath.Dir(file.Path())),
		}
		request.ProtoFile = append(request.ProtoFile, description)
	}
	plugin, err := protogen.Options{}.New(request)
	if err != nil {
		return err
	}
	for _, file := range plugin.Files {
		internal_gengo.GenerateFile(plugin, file)
	}
	response := plugin.Response()
	if response.Error != nil {
		return fmt.Errorf("generate: %s", response.GetError())
	}
	for _, file := range response.File {
		path := filepath.Join(outDir, file.GetName())
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(file.GetContent()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
