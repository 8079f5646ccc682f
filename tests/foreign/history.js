// A client made of irc-framework, the library under KiwiIRC and The Lounge: it asks for the history of a room, page by
// page, and prints what it has understood, a JSON line for each message; then what is said afterwards.
'use strict';

const { Client } = require('irc-framework');

const [port, room] = process.argv.slice(2);
const client = new Client();
client.requestCap(['draft/chathistory', 'draft/event-playback', 'server-time', 'message-tags']);
client.connect({ host: '127.0.0.1', port: Number(port), nick: 'Foreign', auto_reconnect: false });

const print = (kind, event) => {
    const { nick, message, tags, time } = event;
    console.log(JSON.stringify({ kind, nick, message, msgid: tags && tags.msgid, time }));
};

let isAsking = true;
client.on('registered', () => client.join(room));
client.on('userlist', (event) => {
    if (event.channel === room) client.raw('CHATHISTORY', 'LATEST', room, '*', '2');
});
client.on('batch end chathistory', (batch) => {
    if (batch.params[0] !== room || !isAsking) return;
    const first = batch.commands[0];
    console.log(JSON.stringify({ kind: 'page', commands: batch.commands.map((own) => own.command) }));
    if (batch.commands.length < 2) {
        isAsking = false;
        client.say(room, 'that is all of it');
    } else {
        client.raw('CHATHISTORY', 'BEFORE', room, `msgid=${first.tags.msgid}`, '2');
    }
});
client.on('message', (event) => {
    if (event.target === room) print(event.batch ? 'history' : 'live', event);
});
