// One session with the library that the wsk command is made of, printed as one JSON object. API host and key are the
// arguments. Each step is a command of wsk, and asks as that command does.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/apache/openwhisk-client-go/whisk"
)

type seen map[string]interface{}

func main() {
	base, err := whisk.GetURLBase(os.Args[1], "/api")
	check(err)
	client, err := whisk.NewClient(http.DefaultClient, &whisk.Config{
		Namespace: "_", AuthToken: os.Args[2], Host: os.Args[1], BaseURL: base, Version: "v1", Insecure: true,
	})
	check(err)
	found := seen{}
	actions(client, found)
	packages(client, found)
	invocations(client, found)
	lists(client, found)
	removal(client, found)
	property(client, found)
	check(json.NewEncoder(os.Stdout).Encode(found))
}

func property(client *whisk.Client, found seen) {
	info, _, err := client.Info.Get()
	check(err)
	found["property get"] = info.BuildNo
	// Leaves the client without a namespace; wsk makes another for each command.
	namespaces, _, err := client.Namespaces.List()
	check(err)
	found["namespace list"] = namespaces[0].Name
}

func actions(client *whisk.Client, found seen) {
	action := &whisk.Action{
		Name:        "from wsk",
		Exec:        &whisk.Exec{Kind: "blackbox", Image: "replay"},
		Annotations: whisk.KeyValueArr{{Key: "web-export", Value: true}, {Key: "raw-http", Value: true}},
		Parameters:  whisk.KeyValueArr{{Key: "token", Value: "t"}},
	}
	created, _, err := client.Actions.Insert(action, false)
	check(err)
	found["action create"] = created.Version
	_, _, err = client.Actions.Insert(action, false)
	found["action create again"] = said(err)
	updated, _, err := client.Actions.Insert(&whisk.Action{Name: "from wsk", Publish: new(bool)}, true)
	check(err)
	found["action update"] = updated.Version
	got, _, err := client.Actions.Get("from wsk", false)
	check(err)
	found["action get"] = got.Exec.Image
	found["action get --url"], err = got.ActionURL(os.Args[1], "/api", "v1", "")
	check(err)
	_, _, err = client.Actions.Get("nobody", true)
	found["action get nobody"] = said(err)
}

func packages(client *whisk.Client, found seen) {
	_, _, err := client.Packages.Insert(&whisk.Package{Name: "parcel"}, false)
	check(err)
	inner := &whisk.Action{Name: "parcel/inner", Exec: &whisk.Exec{Kind: "blackbox", Image: "replay"}}
	_, _, err = client.Actions.Insert(inner, false)
	check(err)
	got, _, err := client.Packages.Get("parcel")
	check(err)
	found["package get"] = got.Actions[0].Name
	inside, _, err := client.Actions.List("parcel", &whisk.ActionListOptions{Limit: 0})
	check(err)
	found["action list parcel"] = strings.Fields(inside[0].ToSummaryRowString())
}

func invocations(client *whisk.Client, found seen) {
	payload := map[string]interface{}{"a": 1}
	result, _, err := client.Actions.Invoke("from wsk", payload, true, true)
	check(err)
	found["action invoke -r"] = result
	record, _, err := client.Actions.Invoke("from wsk", payload, true, false)
	check(err)
	found["action invoke -b"] = record.(map[string]interface{})["response"]
	begun, _, err := client.Actions.Invoke("parcel/inner", payload, false, false)
	check(err)
	found["action invoke"] = len(fmt.Sprint(begun.(map[string]interface{})["activationId"]))
	last, _, err := client.Activations.List(&whisk.ActivationListOptions{Name: "from wsk", Limit: 1})
	check(err)
	format := "%d-%02d-%02d %02d:%02d:%02d %s %s %s %s %-10s %-"
	row := whisk.ActivationFilteredRow{Row: last[0], RowFmt: format}.ToSummaryRowString()
	fields := strings.Fields(row)
	found["activation list"] = append(fields[3:5], fields[6:]...)
	got, _, err := client.Activations.Get(last[0].ActivationID)
	check(err)
	found["activation get"] = got.Response.Status
	logs, _, err := client.Activations.Logs(last[0].ActivationID)
	check(err)
	found["activation logs"] = logs.Logs
	response, _, err := client.Activations.Result(last[0].ActivationID)
	check(err)
	found["activation result"] = response.Result
	since := &whisk.ActivationListOptions{Since: last[0].Start, Docs: true, Name: "from wsk"}
	polled, _, err := client.Activations.List(since)
	check(err)
	found["activation poll"] = polled[0].ActivationID == last[0].ActivationID
}

func lists(client *whisk.Client, found seen) {
	listed, _, err := client.Actions.List("", &whisk.ActionListOptions{Limit: 30})
	check(err)
	names := []string{}
	for _, action := range listed {
		names = append(names, action.Namespace+"/"+action.Name)
	}
	found["action list"] = names
	parcels, _, err := client.Packages.List(&whisk.PackageListOptions{Limit: 30})
	check(err)
	found["package list"] = strings.Fields(parcels[0].ToSummaryRowString())
	triggers, _, err := client.Triggers.List(&whisk.TriggerListOptions{Limit: 30})
	check(err)
	rules, _, err := client.Rules.List(&whisk.RuleListOptions{Limit: 30})
	check(err)
	found["trigger list, rule list"] = len(triggers) + len(rules)
}

func removal(client *whisk.Client, found seen) {
	_, err := client.Packages.Delete("parcel")
	found["package delete, too early"] = said(err)
	for _, name := range []string{"parcel/inner", "from wsk"} {
		_, err := client.Actions.Delete(name)
		check(err)
	}
	_, err = client.Packages.Delete("parcel")
	check(err)
	_, err = client.Actions.Delete("from wsk")
	found["action delete again"] = said(err)
}

// What wsk tells people; behind it comes an id that is never the same.
func said(err error) string {
	return strings.Split(err.Error(), " (code")[0]
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
