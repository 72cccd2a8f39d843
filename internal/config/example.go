package config

// Example adds a first provider and a first application. It is a complete
// configuration once the two variables are set.
const Example = `# The provider that people come from. Register Usher there as a web application;
# its redirect URI is the server's issuer followed by /idp/contoso/callback
kind: IdentityProvider
name: contoso
displayName: Contoso staff
protocol: oidc
oidc:
  issuer: https://login.contoso.example   # exactly as the provider writes it
  clientId: usher
  clientSecret: "${CONTOSO_SECRET}"       # or ${file:contoso.secret}
mapping:
  username: claims.preferred_username
  attributes:
    email: claims.?email
    displayName: claims.?name
  verified:
    email: claims.?email_verified.orValue(false) == true
jit:
  enabled: true                           # make an account at the first sign-in
---
# The application that people go to
kind: Application
id: wiki
name: Wiki
clientSecret: "${WIKI_SECRET}"            # make one with: openssl rand -base64 32
redirectUris: ["https://wiki.example.com/callback"]
`
