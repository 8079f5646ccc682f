//! The window: the home page, then the chat page, and what closing it means.

use std::{cell::RefCell, rc::Rc};

use adw::prelude::*;
use chat_core::ChatClient;
use gtk::{gio, glib};

use crate::{
    bridge::{self, ListenerBridge, off_main_loop, receive},
    error::{Field, FieldError},
    hosting::{self, Hosted},
    view::{ChatPage, Connection, HomePage, Wish},
};

/// One person's window. Cheap to clone: all clones are the same window.
#[derive(Clone)]
pub(crate) struct Window(Rc<Inner>);

struct Inner {
    window: adw::ApplicationWindow,
    stack: gtk::Stack,
    toasts: adw::ToastOverlay,
    home: RefCell<Option<HomePage>>,
    phase: RefCell<Phase>,
}

/// The phase of this window on its way from the home page to the room and back.
enum Phase {
    Home,
    /// Hosting or joining is being tried, off the main loop.
    Connecting(Then),
    Chatting(ChatPage),
    /// The room is being left, off the main loop.
    Leaving(Then),
}

/// The step that comes after something that takes time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The window goes on as usual.
    GoOn,
    /// The window was closed meanwhile.
    Close,
}

impl Window {
    pub(crate) fn new(application: &adw::Application) -> Self {
        let stack =
            gtk::Stack::builder().transition_type(gtk::StackTransitionType::Crossfade).build();
        let toasts = adw::ToastOverlay::new();
        toasts.set_child(Some(&stack));
        let window = adw::ApplicationWindow::builder()
            .application(application)
            .title("Chat")
            .default_width(760)
            .default_height(700)
            .content(&toasts)
            .build();
        let this = Self(Rc::new(Inner {
            window,
            stack,
            toasts,
            home: RefCell::default(),
            phase: RefCell::new(Phase::Home),
        }));
        let home = HomePage::new(this.with(|this, wish| this.try_wish(wish)));
        this.0.stack.add_child(&home);
        this.0.home.replace(Some(home));
        this.set_up_closing();
        let show_people = gio::SimpleAction::new("show-people", None);
        show_people.connect_activate({
            let toggle = this.with(|this, ()| {
                if let Phase::Chatting(chat) = &*this.0.phase.borrow() {
                    chat.toggle_people();
                }
            });
            move |_, _| toggle(())
        });
        this.0.window.add_action(&show_people);
        this
    }

    pub(crate) fn present(&self) {
        self.0.window.present();
        // The window keeps its parts alive through the handlers; this keeps those alive with it.
        let keep = RefCell::new(Some(self.clone()));
        self.0.window.connect_destroy(move |_| drop(keep.take()));
    }

    /// A handler that does not keep the window alive.
    fn with<T: 'static>(&self, act: impl Fn(&Self, T) + 'static) -> impl Fn(T) + 'static {
        let weak = Rc::downgrade(&self.0);
        move |value| {
            if let Some(inner) = weak.upgrade() {
                act(&Self(inner), value);
            }
        }
    }

    /// Hosts or joins, and shows the room or what went wrong.
    fn try_wish(&self, wish: Wish) {
        let this = self.clone();
        this.0.phase.replace(Phase::Connecting(Then::GoOn));
        this.set_busy(true);
        glib::spawn_future_local(async move {
            let (listener, events) = ListenerBridge::new();
            let connected = off_main_loop(move || fulfil(wish, listener)).await;
            this.set_busy(false);
            let then = match this.0.phase.replace(Phase::Home) {
                Phase::Connecting(then) => then,
                _ => Then::GoOn,
            };
            match connected {
                Ok(Ok(connection)) => {
                    let page = this.show_chat(connection);
                    receive(events, move |updates, closed| {
                        page.take(&updates, closed);
                        true
                    });
                    if then == Then::Close {
                        this.leave(then);
                    }
                }
                _ if then == Then::Close => this.0.window.destroy(),
                Ok(Err(error)) => this.show_error(&error),
                Err(sentence) => this.show_error(&FieldError { field: Field::Address, sentence }),
            }
        });
    }

    fn set_busy(&self, is_busy: bool) {
        if let Some(home) = &*self.0.home.borrow() {
            home.set_busy(is_busy);
        }
    }

    fn show_error(&self, error: &FieldError) {
        if let Some(home) = &*self.0.home.borrow() {
            home.show_error(error);
        }
    }

    fn show_chat(&self, connection: Connection) -> ChatPage {
        let page = ChatPage::new(connection, {
            let leave = self.with(|this, ()| this.ask_to_leave(Then::GoOn));
            move || leave(())
        });
        self.0.stack.add_child(&page);
        self.0.stack.set_visible_child(&page);
        page.focus_entry();
        self.0.phase.replace(Phase::Chatting(page.clone()));
        page
    }

    fn set_up_closing(&self) {
        let this = Rc::downgrade(&self.0);
        self.0.window.connect_close_request(move |window| {
            let Some(this) = this.upgrade().map(Self) else { return glib::Propagation::Proceed };
            let is_chatting = match &mut *this.0.phase.borrow_mut() {
                Phase::Home => return glib::Propagation::Proceed,
                Phase::Connecting(then) | Phase::Leaving(then) => {
                    *then = Then::Close;
                    false
                }
                Phase::Chatting(_) => true,
            };
            if is_chatting {
                this.ask_to_leave(Then::Close);
            } else {
                // It ends when what is under way has; nobody needs to watch that.
                window.set_visible(false);
            }
            glib::Propagation::Stop
        });
    }

    /// Leaves the room; a host whose guests are there is asked first.
    fn ask_to_leave(&self, then: Then) {
        let hosts_others = match &*self.0.phase.borrow() {
            Phase::Chatting(page) => page.hosts_others(),
            _ => return,
        };
        if !hosts_others {
            return self.leave(then);
        }
        let dialog = adw::MessageDialog::new(
            Some(&self.0.window),
            Some("Close the room for everyone?"),
            Some("You host this room. When you leave, it ends, and everyone in it is told."),
        );
        dialog.add_responses(&[("stay", "Stay"), ("close", "Close the room")]);
        dialog.set_response_appearance("close", adw::ResponseAppearance::Destructive);
        dialog.set_default_response(Some("stay"));
        dialog.set_close_response("stay");
        let answer = self.with(move |this, response: String| {
            if response == "close" {
                this.leave(then);
            }
        });
        dialog.connect_response(None, move |_, response| answer(response.to_owned()));
        dialog.present();
    }

    /// Stops the server if it runs here, then leaves, then shows the home page or closes.
    fn leave(&self, then: Then) {
        let page = match self.0.phase.replace(Phase::Leaving(then)) {
            Phase::Chatting(page) => page,
            // It was left already: two questions can stand open at once.
            other => {
                self.0.phase.replace(other);
                return;
            }
        };
        page.stop_writing();
        let this = self.clone();
        glib::spawn_future_local(async move {
            if let Some(Connection { client, hosted }) = page.take_connection() {
                if let Some(hosted) = hosted {
                    this.stop_hosting(hosted).await;
                }
                bridge::close(client).await;
            }
            if matches!(this.0.phase.replace(Phase::Home), Phase::Leaving(Then::Close)) {
                this.0.window.destroy();
                return;
            }
            if let Some(home) = &*this.0.home.borrow() {
                this.0.stack.set_visible_child(home);
            }
            this.0.stack.remove(&page);
        });
    }

    async fn stop_hosting(&self, hosted: Hosted) {
        let stopped = off_main_loop(move || hosting::stop(hosted)).await;
        if let Err(sentence) | Ok(Err(sentence)) = stopped {
            self.0.toasts.add_toast(adw::Toast::new(&sentence));
        }
    }
}

/// Starts what is needed and connects. Blocks.
fn fulfil(wish: Wish, listener: ListenerBridge) -> Result<Connection, FieldError> {
    let (name, server, hosted) = match wish {
        Wish::Host { name, port } => {
            let hosted = hosting::start(port)?;
            (name, hosted.own_address.to_string(), Some(hosted))
        }
        Wish::Join { name, server } => (name, server, None),
    };
    let mut builder = ChatClient::builder(server, name).listener(listener);
    if let Some(Hosted { account, .. }) = &hosted {
        builder = builder.account(&account.name, &account.password);
    }
    let client = builder.connect()?;
    Ok(Connection { client, hosted })
}
