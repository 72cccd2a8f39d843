// The outside provider: npm oidc-provider, which nobody of this project wrote.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

/**
 * Starts an outside provider. Whoever comes is signed in as people[who()], with
 * consent, so that no page of the provider's own is needed.
 */
export async function startUpstream({ port, clientSecret, redirectUri, people, who }) {
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'usher', client_secret: clientSecret, redirect_uris: [redirectUri], scope: 'openid profile email groups' }],
    claims: {
      email: ['email', 'email_verified'],
      profile: ['name', 'given_name', 'family_name', 'preferred_username'],
      groups: ['groups'],
    },
    scopes: ['openid', 'profile', 'email', 'groups'],
    cookies: { keys: ['only for tests'] },
    ttl: { Interaction: 300, Session: 300, Grant: 300, AccessToken: 300, IdToken: 300 }, // seconds
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_ctx, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
  });
  const errors = [];
  provider.on('server_error', (_ctx, error) => errors.push(error));
  const handle = provider.callback();
  const server = createServer((req, res) => {
    if (!req.url.startsWith('/interaction/')) return handle(req, res);
    return interact(provider, req, res, who()).catch((error) => {
      errors.push(error);
      res.writeHead(500).end();
    });
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    issuer,
    errors,
    stop: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}

async function interact(provider, req, res, accountId) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(req, res);
  if (prompt.name === 'login') {
    const result = accountId ? { login: { accountId } } : { error: 'access_denied', error_description: 'cancelled' };
    return provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false });
  }
  const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}
