// Package key makes, keeps, rotates and publishes the broker's keys: those that
// sign tokens, those that seal what is stored or carried by a browser, and
// those that make stable pseudonyms. It does not know what is signed or sealed
// with them, nor where they are stored.
//
// Every key is sealed at rest under one master key, which lives outside the
// database (see [LoadMaster]). A stolen database alone opens nothing.
package key
