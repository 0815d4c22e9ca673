// One session with the npm client, printed as one JSON object: API host and key are the arguments.
const openwhisk = require('openwhisk')

async function session (apihost, key) {
  const ow = openwhisk({ apihost, api_key: key, namespace: '_' })
  const exec = { kind: 'blackbox', image: 'replay' }
  const seen = {}
  seen.created = (await ow.actions.update({ name: 'fromNode', action: { exec } })).version
  seen.updated = (await ow.actions.update({ name: 'fromNode', action: { exec } })).version
  seen.listed = (await ow.actions.list()).map(action => action.name)
  seen.got = (await ow.actions.get('fromNode')).exec
  seen.result = await ow.actions.invoke({ name: 'fromNode', params: { a: 1 }, blocking: true, result: true })
  const [last] = await ow.activations.list({ limit: 1 })
  seen.status = (await ow.activations.get({ name: last.activationId })).response.status
  seen.logs = await ow.activations.logs({ name: last.activationId })
  seen.again = (await ow.activations.result({ name: last.activationId })).result
  seen.packages = (await ow.packages.list()).length
  seen.triggers = await ow.triggers.list()
  seen.rules = await ow.rules.list()
  seen.deleted = (await ow.actions.delete('fromNode')).name
  seen.missing = await ow.actions.get('fromNode').catch(error => error.statusCode)
  return seen
}

session(process.argv[2], process.argv[3]).then(seen => console.log(JSON.stringify(seen)))
