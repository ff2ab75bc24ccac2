// Vcsim is a vCenter, or an ESXi host, for the contract test of the provider vsphere: govmomi's simulator.
//
//	vcsim vcenter|esx USER PASSWORD
//
// It prints one line of JSON when it listens: {"url": …, "library": …}. It ends when its standard input is closed.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"net/url"
	"os"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/find"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vapi/library"
	"github.com/vmware/govmomi/vapi/rest"
	_ "github.com/vmware/govmomi/vapi/simulator"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 4 {
		return fmt.Errorf("usage: vcsim vcenter|esx USER PASSWORD")
	}
	isHost := os.Args[1] == "esx"
	model := simulator.VPX()
	if isHost {
		model = simulator.ESX()
	}
	defer model.Remove()
	if err := model.Create(); err != nil {
		return err
	}
	model.Service.RegisterEndpoints = true
	model.Service.Listen = &url.URL{Host: "127.0.0.1:0", User: url.UserPassword(os.Args[2], os.Args[3])}
	server := model.Service.NewServer()
	defer server.Close()

	ready := map[string]string{"url": "http://" + server.URL.Host}
	if !isHost {
		id, err := createLibrary(server.URL)
		if err != nil {
			return err
		}
		front := httptest.NewServer(newTranslator(server.URL.Host))
		defer front.Close()
		ready = map[string]string{"url": front.URL, "library": id}
	}
	if err := json.NewEncoder(os.Stdout).Encode(ready); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// createLibrary makes the content library "images" on the first datastore.
func createLibrary(address *url.URL) (string, error) {
	ctx := context.Background()
	client, err := govmomi.NewClient(ctx, address, true)
	if err != nil {
		return "", err
	}
	datastore, err := find.NewFinder(client.Client).Datastore(ctx, "/DC0/datastore/LocalDS_0")
	if err != nil {
		return "", err
	}
	session := rest.NewClient(client.Client)
	if err := session.Login(ctx, address.User); err != nil {
		return "", err
	}
	return library.NewManager(session).CreateLibrary(ctx, library.Library{
		Name:    "images",
		Type:    "LOCAL",
		Storage: []library.StorageBacking{{DatastoreID: datastore.Reference().Value, Type: "DATASTORE"}},
	})
}
