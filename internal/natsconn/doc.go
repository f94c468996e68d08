// Package natsconn connects to NATS: logins of every kind, with files that are read again at each connection, contexts of the nats
// command line, TLS, WebSocket, or a server in this process. It waits for a server at a start, knows which errors waiting does not
// heal, and finds out what an account may not do, and which addresses of this machine can be listened on. It knows no streams and no settings: Access says all that it needs.
package natsconn
