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
  Object.assign(seen, await composed(ow))
  seen.deleted = (await ow.actions.delete('fromNode')).name
  seen.missing = await ow.actions.get('fromNode').catch(error => error.statusCode)
  return seen
}

async function composed (ow) {
  const seen = {}
  const both = await ow.actions.create({ name: 'both', sequence: ['/_/fromNode', '/_/fromNode'] })
  seen.sequence = both.exec
  seen.piped = await ow.actions.invoke({ name: 'both', params: { a: 1 }, blocking: true, result: true })
  await ow.triggers.create({ name: 'event' })
  seen.rule = (await ow.rules.create({ name: 'on', trigger: 'event', action: 'both' })).status
  await ow.rules.disable({ name: 'on' })
  seen.disabled = (await ow.rules.get('on')).status
  await ow.rules.enable({ name: 'on' })
  seen.fired = (await ow.triggers.invoke({ name: 'event', params: { b: 2 } })).activationId.length
  seen.event = Object.keys((await ow.triggers.get('event')).rules)
  await ow.packages.create({ name: 'parcel' })
  const binding = { namespace: '_', name: 'parcel' }
  seen.bound = (await ow.packages.create({ name: 'mine', package: { binding } })).binding
  for (const name of ['mine', 'parcel']) await ow.packages.delete(name)
  await ow.rules.delete('on')
  await ow.triggers.delete('event')
  await ow.actions.delete('both')
  return seen
}

session(process.argv[2], process.argv[3]).then(seen => console.log(JSON.stringify(seen)))
