// Commands of wsk, one a line, answered with the library that wsk is made of, and printed as wsk does. API host and key
// are the arguments. What a command asks, and what is shown of the answers, is all the library's; the words around it
// are wsk's.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/apache/openwhisk-client-go/whisk"
)

type command struct {
	noun, verb string
	names      []string
	options    map[string][]string
}

// How many words follow an option.
var sizes = map[string]int{"-p": 2, "-a": 2, "-r": 0, "-m": 1, "-t": 1, "-l": 1, "-c": 1, "--skip": 1, "--full": 0,
	"--last": 0, "--name-sort": 0, "--since": 1, "--upto": 1}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Printf("$ wsk %s\n", lines.Text())
		fmt.Printf("-> %d\n", status(answered(commandFrom(strings.Fields(lines.Text())))))
	}
}

func commandFrom(words []string) command {
	made := command{noun: words[0], options: map[string][]string{}}
	if len(words) > 1 {
		made.verb, words = words[1], words[2:]
	}
	for len(words) > 0 && made.verb != "" {
		word := words[0]
		size, known := sizes[word]
		if !known {
			size = 1
		}
		if strings.HasPrefix(word, "-") {
			made.options[word] = append(append([]string{}, made.options[word]...), words[1:1+size]...)
			words = words[1+size:]
		} else {
			made.names, words = append(made.names, word), words[1:]
		}
	}
	return made
}

// A failure, the sentence around its reason, and whether help is offered.
type failure struct {
	err   error
	words string
	help  bool
}

func status(failed *failure) int {
	if failed == nil {
		return 0
	}
	fmt.Printf("error: "+failed.words+"\n", failed.err)
	if failed.help {
		fmt.Println("Run 'wsk --help' for usage.")
	}
	return failed.err.(*whisk.WskError).ExitCode & 255
}

// A client is good for one command: some calls leave it without a namespace.
func newClient(namespace string) *whisk.Client {
	base, err := whisk.GetURLBase(os.Args[1], "/api")
	check(err)
	client, err := whisk.NewClient(http.DefaultClient, &whisk.Config{
		Namespace: namespace, AuthToken: os.Args[2], Host: os.Args[1], BaseURL: base, Version: "v1", Insecure: true,
	})
	check(err)
	return client
}

func answered(c command) *failure {
	client := newClient("_")
	switch c.noun {
	case "action":
		return action(client, c)
	case "trigger":
		return trigger(client, c)
	case "rule":
		return rule(client, c)
	case "package":
		return pack(client, c)
	case "activation":
		return activations(client, c)
	case "namespace":
		return namespaces(client, c)
	case "list":
		return all()
	}
	panic(c.noun)
}

func action(client *whisk.Client, c command) *failure {
	if c.verb == "list" {
		return actions(client, c)
	}
	name := c.names[0]
	words := fmt.Sprintf("Unable to %s action '%s': %%s", c.verb, plain(name))
	switch c.verb {
	case "create", "update":
		_, _, err := client.Actions.Insert(actionFrom(client, c), c.verb == "update")
		return shown(err, words, true, "ok: %sd action %s\n", c.verb, name)
	case "get":
		got, _, err := client.Actions.Get(name, true)
		if err != nil {
			return &failure{err, words, true}
		}
		if len(c.names) > 1 {
			fmt.Printf("ok: got action %s, displaying field %s\n", name, c.names[1])
			return printed(map[string]interface{}{"limits": got.Limits, "annotations": got.Annotations}[c.names[1]])
		}
		fmt.Printf("ok: got action %s\n", name)
		return printed(got)
	case "invoke":
		if parts := strings.Split(name, "/"); parts[0] == "" {
			client = newClient(parts[1])
		}
		result, _, err := client.Actions.Invoke(plain(name), valuesFrom(c), true, true)
		if err != nil {
			return &failure{err, words, true}
		}
		return printed(result)
	}
	_, err := client.Actions.Delete(name)
	return shown(err, words, true, "ok: deleted action %s\n", name)
}

func actionFrom(client *whisk.Client, c command) *whisk.Action {
	made := &whisk.Action{Name: c.names[0], Parameters: pairsFrom(c, "-p"), Annotations: pairsFrom(c, "-a")}
	if image := c.options["--docker"]; image != nil {
		made.Exec = &whisk.Exec{Kind: "blackbox", Image: image[0]}
	}
	if names := c.options["--sequence"]; names != nil {
		made.Exec = &whisk.Exec{Kind: "sequence"}
		for _, name := range strings.Split(names[0], ",") {
			made.Exec.Components = append(made.Exec.Components, "/_/"+name)
		}
	}
	if other := c.options["--copy"]; other != nil {
		got, _, err := client.Actions.Get(other[0], true)
		check(err)
		made.Exec, made.Parameters, made.Annotations = got.Exec, got.Parameters, got.Annotations
	}
	limits := whisk.Limits{
		Timeout: numberFrom(c, "-t"), Memory: numberFrom(c, "-m"), Logsize: numberFrom(c, "-l"),
		Concurrency: numberFrom(c, "-c"),
	}
	if limits != (whisk.Limits{}) {
		made.Limits = &limits
	}
	return made
}

func actions(client *whisk.Client, c command) *failure {
	options := &whisk.ActionListOptions{Limit: 30}
	if number := numberFrom(c, "-l"); number != nil {
		options.Limit = *number
	}
	if number := numberFrom(c, "--skip"); number != nil {
		options.Skip = *number
	}
	inside := strings.Join(c.names, "")
	found, _, err := client.Actions.List(inside, options)
	if err != nil {
		return &failure{err, "Unable to obtain the list of actions for namespace 'default': %s", true}
	}
	if _, sorted := c.options["--name-sort"]; sorted {
		sort.Slice(found, func(one, other int) bool { return found[one].Compare(found[other]) })
	}
	fmt.Println("actions")
	for _, each := range found {
		fmt.Print(each.ToSummaryRowString())
	}
	return nil
}

func trigger(client *whisk.Client, c command) *failure {
	if c.verb == "list" {
		found, _, err := client.Triggers.List(&whisk.TriggerListOptions{Limit: 30})
		check(err)
		fmt.Println("triggers")
		for _, each := range found {
			fmt.Print(each.ToSummaryRowString())
		}
		return nil
	}
	name := c.names[0]
	words := fmt.Sprintf("Unable to %s trigger '%s': %%s", c.verb, name)
	switch c.verb {
	case "create", "update":
		made := &whisk.Trigger{Name: name, Parameters: pairsFrom(c, "-p"), Annotations: pairsFrom(c, "-a")}
		_, _, err := client.Triggers.Insert(made, c.verb == "update")
		return shown(err, words, false, "ok: %sd trigger %s\n", c.verb, name)
	case "get":
		got, _, err := client.Triggers.Get(name)
		if err != nil {
			return &failure{err, words, false}
		}
		fmt.Printf("ok: got trigger %s\n", name)
		return printed(got)
	case "fire":
		fired, _, err := client.Triggers.Fire(name, valuesFrom(c))
		if err != nil {
			return &failure{err, words, false}
		}
		fmt.Printf("ok: triggered /_/%s with id %s\n", name, fired.ActivationId)
		if fired.ActivationId != "" {
			await(client, fired.ActivationId)
		}
		return nil
	}
	_, _, err := client.Triggers.Delete(name)
	return shown(err, words, false, "ok: deleted trigger %s\n", name)
}

// People take longer to type their next command than what a trigger starts takes.
func await(client *whisk.Client, id string) {
	for {
		record, _, err := client.Activations.Get(id)
		if err != nil {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		for _, line := range record.Logs {
			started := struct{ ActivationId string }{}
			if json.Unmarshal([]byte(line), &started) == nil {
				await(client, started.ActivationId)
			}
		}
		return
	}
}

func rule(client *whisk.Client, c command) *failure {
	if c.verb == "list" {
		return rules(client)
	}
	name := c.names[0]
	words := fmt.Sprintf("Unable to %s rule '%s': %%s", c.verb, name)
	switch c.verb {
	case "create":
		made := &whisk.Rule{Name: name, Trigger: "/_/" + c.names[1], Action: "/_/" + c.names[2]}
		_, _, err := client.Rules.Insert(made, false)
		return shown(err, words, false, "ok: created rule %s\n", name)
	case "enable", "disable":
		state := map[string]string{"enable": "active", "disable": "inactive"}[c.verb]
		_, _, err := client.Rules.SetState(name, state)
		return shown(err, words, false, "ok: %sd rule %s\n", c.verb, name)
	case "get", "status":
		got, _, err := client.Rules.Get(name)
		if err != nil {
			return &failure{err, words, false}
		}
		if c.verb == "status" {
			fmt.Printf("ok: rule %s is %s\n", name, got.Status)
			return nil
		}
		fmt.Printf("ok: got rule %s\n", name)
		return printed(got)
	}
	_, err := client.Rules.Delete(name)
	return shown(err, words, false, "ok: deleted rule %s\n", name)
}

func rules(client *whisk.Client) *failure {
	found, _, err := client.Rules.List(&whisk.RuleListOptions{Limit: 30})
	check(err)
	fmt.Println("rules")
	for _, each := range found {
		got, _, err := client.Rules.Get(each.Name)
		check(err)
		fmt.Print(got.ToSummaryRowString())
	}
	return nil
}

func pack(client *whisk.Client, c command) *failure {
	if c.verb == "list" {
		found, _, err := client.Packages.List(&whisk.PackageListOptions{Limit: 30})
		check(err)
		fmt.Println("packages")
		for _, each := range found {
			fmt.Print(each.ToSummaryRowString())
		}
		return nil
	}
	if c.verb == "refresh" {
		_, _, err := client.Packages.Refresh()
		return shown(err, "Package refresh for namespace '_' failed: %s", false, "")
	}
	name := c.names[0]
	words := fmt.Sprintf("Unable to %s package '%s': %%s", c.verb, name)
	switch c.verb {
	case "create", "update":
		made := &whisk.Package{Name: name, Parameters: pairsFrom(c, "-p"), Annotations: pairsFrom(c, "-a")}
		if c.options["--shared"] != nil {
			made.Publish = new(bool)
			*made.Publish = true
		}
		_, _, err := client.Packages.Insert(made, c.verb == "update")
		return shown(err, words, false, "ok: %sd package %s\n", c.verb, name)
	case "bind":
		return bound(client, c)
	case "get":
		got, _, err := client.Packages.Get(name)
		if err != nil {
			return &failure{err, words, false}
		}
		// wsk leaves out what is in it.
		got.Actions = nil
		fmt.Printf("ok: got package %s\n", name)
		return printed(got)
	}
	_, err := client.Packages.Delete(name)
	return shown(err, words, false, "ok: deleted package %s\n", name)
}

func bound(client *whisk.Client, c command) *failure {
	namespace, provider := "_", c.names[0]
	if parts := strings.Split(provider, "/"); parts[0] == "" {
		namespace, provider = parts[1], parts[2]
	}
	made := &whisk.BindingPackage{Name: c.names[1], Parameters: pairsFrom(c, "-p")}
	made.Binding = whisk.Binding{Namespace: namespace, Name: provider}
	_, _, err := client.Packages.Insert(made, false)
	return shown(err, "Binding creation failed: %s", false, "ok: created binding %s\n", c.names[1])
}

func activations(client *whisk.Client, c command) *failure {
	if c.verb != "list" {
		return lastActivation(client, c)
	}
	options := &whisk.ActivationListOptions{Limit: 30}
	numbers := map[string]*int{"-l": &options.Limit, "--skip": &options.Skip}
	for option, place := range numbers {
		if number := numberFrom(c, option); number != nil {
			*place = *number
		}
	}
	if since, upto := numberFrom(c, "--since"), numberFrom(c, "--upto"); since != nil {
		options.Since, options.Upto = int64(*since), int64(*upto)
	}
	_, options.Docs = c.options["--full"]
	found, _, err := client.Activations.List(options)
	if err != nil {
		return &failure{err, "Unable to obtain the list of activations for namespace 'default': %s", false}
	}
	if options.Docs {
		fmt.Println("activations")
		return printed(found[0])
	}
	if len(found) > 0 {
		fmt.Println("Datetime Activation ID Kind Start Duration Status Entity")
	}
	format := "%d-%02d-%02d %02d:%02d:%02d %s %s %s %s %-10s %-"
	for _, each := range found {
		fmt.Print(whisk.ActivationFilteredRow{Row: each, RowFmt: format}.ToSummaryRowString())
	}
	return nil
}

func lastActivation(client *whisk.Client, c command) *failure {
	found, _, err := client.Activations.List(&whisk.ActivationListOptions{Limit: 1})
	check(err)
	id := found[0].ActivationID
	if c.verb == "result" {
		response, _, err := client.Activations.Result(id)
		check(err)
		return printed(response.Result)
	}
	got, _, err := client.Activations.Get(id)
	check(err)
	fmt.Printf("ok: got activation %s, displaying field %s\n", id, c.names[0])
	return printed(map[string]interface{}{"response": got.Response, "logs": got.Logs}[c.names[0]])
}

func namespaces(client *whisk.Client, c command) *failure {
	if c.verb == "get" {
		return all()
	}
	found, _, err := client.Namespaces.List()
	check(err)
	fmt.Printf("namespaces\n%s\n", found[0].Name)
	return nil
}

func all() *failure {
	fmt.Println("Entities in namespace: default")
	for _, noun := range []string{"package", "action", "trigger", "rule"} {
		if failed := answered(command{noun: noun, verb: "list"}); failed != nil {
			return failed
		}
	}
	return nil
}

func shown(err error, words string, help bool, format string, values ...interface{}) *failure {
	if err != nil {
		return &failure{err, words, help}
	}
	fmt.Printf(format, values...)
	return nil
}

func printed(value interface{}) *failure {
	text, err := json.MarshalIndent(value, "", " ")
	check(err)
	fmt.Println(string(text))
	return nil
}

// The name behind the namespace.
func plain(name string) string {
	if !strings.HasPrefix(name, "/") {
		return name
	}
	return strings.SplitN(name, "/", 3)[2]
}

func pairsFrom(c command, option string) whisk.KeyValueArr {
	var made whisk.KeyValueArr
	for words := c.options[option]; len(words) > 1; words = words[2:] {
		made = append(made, whisk.KeyValue{Key: words[0], Value: valueFrom(words[1])})
	}
	return made
}

func valuesFrom(c command) map[string]interface{} {
	made := map[string]interface{}{}
	for _, pair := range pairsFrom(c, "-p") {
		made[pair.Key] = pair.Value
	}
	return made
}

func valueFrom(word string) interface{} {
	var value interface{}
	if json.Unmarshal([]byte(word), &value) != nil {
		return word
	}
	return value
}

func numberFrom(c command, option string) *int {
	words := c.options[option]
	if words == nil {
		return nil
	}
	number := 0
	_, err := fmt.Sscan(words[0], &number)
	check(err)
	return &number
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
