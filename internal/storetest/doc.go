// Package storetest is the kit that holds stores and the ledger to their
// contracts. [Run] is what every store.Driver must pass. [Open] gives tests of
// other packages a real ledger on a real database, and [CheckInvariants] is to
// be called after every scenario. It does not know sign-ins, tokens or pages.
package storetest
