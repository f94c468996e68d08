// Package natsconn connects to NATS: to the server that the settings name, with logins of every kind, whose files are read again at
// each connection, contexts of the nats command line, TLS and WebSocket; or to the embedded one, whose store it watches, and which it
// shares with other commands on this machine. It waits for a server at a start, knows which errors waiting does not heal, and finds
// out what an account may not do. It knows no streams.
package natsconn
